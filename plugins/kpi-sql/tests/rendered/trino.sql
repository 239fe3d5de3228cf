-- trino: rendered, not run
WITH "r" AS (
  SELECT
    "t1"."country" AS "key0",
    CASE
      WHEN "t0"."at" < CAST(@2 AS TIMESTAMP WITH TIME ZONE)
      THEN CASE WHEN "t0"."at" < CAST(@6 AS TIMESTAMP WITH TIME ZONE) THEN 0 ELSE 1 END
      ELSE CASE WHEN "t0"."at" < CAST(@5 AS TIMESTAMP WITH TIME ZONE) THEN 2 ELSE 3 END
    END AS "bucket",
    "t0"."total" AS "a0",
    "t0"."channel" = CAST(@1 AS VARCHAR) AS "f0"
  FROM "orders" AS "t0"
  LEFT JOIN "customers" AS "t1"
    ON "t0"."customer" = "t1"."customer"
  WHERE
    (
      "t0"."at" < CAST(@3 AS TIMESTAMP WITH TIME ZONE)
    )
    AND (
      "t0"."at" >= CAST(@4 AS TIMESTAMP WITH TIME ZONE)
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
    CASE
      WHEN "t0"."at" < CAST(@1 AS TIMESTAMP WITH TIME ZONE)
      THEN CASE WHEN "t0"."at" < CAST(@5 AS TIMESTAMP WITH TIME ZONE) THEN 0 ELSE 1 END
      ELSE CASE WHEN "t0"."at" < CAST(@4 AS TIMESTAMP WITH TIME ZONE) THEN 2 ELSE 3 END
    END AS "bucket",
    "t0"."customer" AS "a1"
  FROM "orders" AS "t0"
  LEFT JOIN "customers" AS "t1"
    ON "t0"."customer" = "t1"."customer"
  WHERE
    (
      "t0"."at" < CAST(@2 AS TIMESTAMP WITH TIME ZONE)
    )
    AND (
      "t0"."at" >= CAST(@3 AS TIMESTAMP WITH TIME ZONE)
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
