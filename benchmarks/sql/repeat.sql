-- Customers with two orders or more in a local month, of those with any.

with orders as (
    select customer_id, make_timestamp(epoch_us(ordered_at) + 28800000000) as local_time
    from '$DATA/orders/*.parquet'
    where status not in ('cancelled', 'test') and customer_id is not null
),
counts as (
    select customer_id, (year(local_time) - 2024) * 12 + month(local_time) - 1 as number, count(*) as orders
    from orders
    group by all
)
select
    make_date((2024 + number // 12)::int, (number % 12 + 1)::int, 1) as period,
    count(*) filter (orders >= 2)::double / count(*) as repeat_purchase_rate
from counts
group by number
