-- Distinct customers of the 28 days up to each local day. A purchase counts from its day to 28 days later, or to the
-- customer's next one if that is earlier: so many begin and end on each day, and a running sum counts them. To expand
-- every purchase to 28 days takes ten times as long, and distinct (customer, day) pairs first make it slower.

with orders as (
    select customer_id, (epoch_us(ordered_at) + 28800000000) // 86400000000 as day
    from '$DATA/orders/*.parquet'
    where status not in ('cancelled', 'test') and customer_id is not null
),
spans as (
    select day, least(day + 28, lead(day) over (partition by customer_id order by day)) as stop
    from orders
),
events as (
    select day, count(*) as change from spans group by day
    union all
    select stop, -count(*) from spans group by stop
),
running as (
    select day, sum(sum(change)) over (order by day)::bigint as active_customers_28d
    from events
    group by day
)
select date '1970-01-01' + day::int as period, active_customers_28d
from running
where day < (date '2027-01-01' - date '1970-01-01')
