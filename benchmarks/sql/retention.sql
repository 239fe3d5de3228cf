-- Retention by local month: one bit a month for each customer, then customers with two neighbouring bits. A window
-- function over distinct (customer, month) pairs takes more than twice as long, a self-join longer still.

with orders as (
    select customer_id, make_timestamp(epoch_us(ordered_at) + 28800000000) as local_time
    from '$DATA/orders/*.parquet'
    where status not in ('cancelled', 'test') and customer_id is not null
),
months_of_customer as (
    select bit_or(1::bigint << ((year(local_time) - 2024) * 12 + month(local_time) - 1)) as months
    from orders
    group by customer_id
),
patterns as (
    select months, count(*) as customers
    from months_of_customer
    group by months
)
select
    make_date((2024 + number // 12)::int, (number % 12 + 1)::int, 1) as period,
    case when number > 0
        then sum(customers * ((months >> number) & (months >> (number - 1)) & 1))::double
            / nullif(sum(customers * ((months >> (number - 1)) & 1)), 0)
    end as retention_rate
from patterns, range(36) as every(number)
group by number
