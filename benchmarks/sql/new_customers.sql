-- Customers whose first order, in all history, lies in the local month.

with firsts as (
    select make_timestamp(epoch_us(min(ordered_at)) + 28800000000) as local_time
    from '$DATA/orders/*.parquet'
    where status not in ('cancelled', 'test') and customer_id is not null
    group by customer_id
),
counts as (
    select (year(local_time) - 2024) * 12 + month(local_time) - 1 as number, count(*) as new_customers
    from firsts
    group by all
)
select
    make_date((2024 + number // 12)::int, (number % 12 + 1)::int, 1) as period,
    coalesce(new_customers, 0) as new_customers
from range(36) as every(number)
left join counts using (number)
