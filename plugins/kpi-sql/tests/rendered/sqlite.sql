-- sqlite: run by the other tests
WITH "r" AS (
  SELECT
    "t1"."country" COLLATE BINARY AS "key0",
    CASE
      WHEN REPLACE("t0"."at", 'T', ' ') < CAST(?2 AS TEXT)
      THEN CASE WHEN REPLACE("t0"."at", 'T', ' ') < CAST(?6 AS TEXT) THEN 0 ELSE 1 END
      ELSE CASE WHEN REPLACE("t0"."at", 'T', ' ') < CAST(?5 AS TEXT) THEN 2 ELSE 3 END
    END AS "bucket",
    CAST(ROUND("t0"."total" * 100) AS INTEGER) AS "a0",
    (
      "t0"."channel" COLLATE BINARY
    ) = CAST(?1 AS TEXT) AS "f0"
  FROM "orders" AS "t0"
  LEFT JOIN "customers" AS "t1"
    ON (
      "t0"."customer" COLLATE BINARY
    ) = (
      "t1"."customer" COLLATE BINARY
    )
  WHERE
    (
      REPLACE("t0"."at", 'T', ' ') < CAST(?3 AS TEXT)
    )
    AND (
      REPLACE("t0"."at", 'T', ' ') >= CAST(?4 AS TEXT)
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
    "t1"."country" COLLATE BINARY AS "key0",
    CASE
      WHEN REPLACE("t0"."at", 'T', ' ') < CAST(?1 AS TEXT)
      THEN CASE WHEN REPLACE("t0"."at", 'T', ' ') < CAST(?5 AS TEXT) THEN 0 ELSE 1 END
      ELSE CASE WHEN REPLACE("t0"."at", 'T', ' ') < CAST(?4 AS TEXT) THEN 2 ELSE 3 END
    END AS "bucket",
    "t0"."customer" COLLATE BINARY AS "a1"
  FROM "orders" AS "t0"
  LEFT JOIN "customers" AS "t1"
    ON (
      "t0"."customer" COLLATE BINARY
    ) = (
      "t1"."customer" COLLATE BINARY
    )
  WHERE
    (
      REPLACE("t0"."at", 'T', ' ') < CAST(?2 AS TEXT)
    )
    AND (
      REPLACE("t0"."at", 'T', ' ') >= CAST(?3 AS TEXT)
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
