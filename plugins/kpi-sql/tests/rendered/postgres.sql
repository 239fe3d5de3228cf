-- postgres: run by the other tests
WITH "r" AS (
  SELECT
    "t1"."country" AS "key0",
    WIDTH_BUCKET("t0"."at", CAST($1 AS TIMESTAMPTZ[])) AS "bucket",
    CASE WHEN (
      "t0"."total" - "t0"."total"
    ) = 0 THEN "t0"."total" END AS "a0",
    "t0"."channel" = CAST($2 AS TEXT) AS "f0"
  FROM "orders" AS "t0"
  LEFT JOIN "customers" AS "t1"
    ON "t0"."customer" = "t1"."customer"
  WHERE
    (
      "t0"."at" < CAST($3 AS TIMESTAMPTZ)
    )
    AND (
      "t0"."at" >= CAST($4 AS TIMESTAMPTZ)
    )
)
SELECT
  "r"."key0" AS "key0",
  "r"."bucket" AS "bucket",
  COUNT(CASE WHEN "r"."f0" THEN 1 END) AS "rows_0",
  COUNT(CASE WHEN "r"."f0" THEN "r"."a0" END) AS "values_0",
  SUM(CASE WHEN "r"."f0" THEN "r"."a0" END) AS "sum_0"
FROM "r"
GROUP BY
  "r"."key0",
  "r"."bucket";

WITH "r" AS (
  SELECT
    "t1"."country" AS "key0",
    WIDTH_BUCKET("t0"."at", CAST($1 AS TIMESTAMPTZ[])) AS "bucket",
    "t0"."customer" AS "a1"
  FROM "orders" AS "t0"
  LEFT JOIN "customers" AS "t1"
    ON "t0"."customer" = "t1"."customer"
  WHERE
    (
      "t0"."at" < CAST($2 AS TIMESTAMPTZ)
    )
    AND (
      "t0"."at" >= CAST($3 AS TIMESTAMPTZ)
    )
)
SELECT
  "r"."key0" AS "key0",
  "r"."bucket" AS "bucket",
  "r"."a1" AS "item",
  COUNT(*) AS "rows_1",
  COUNT("r"."a1") AS "values_1"
FROM "r"
GROUP BY
  "r"."key0",
  "r"."bucket",
  "r"."a1";
