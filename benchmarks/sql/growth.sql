-- Revenue by local month against the same month a year before.

with orders as (
    select make_timestamp(epoch_us(ordered_at) + 28800000000) as local_time, total
    from '$DATA/orders/*.parquet'
    where status not in ('cancelled', 'test')
),
sums as (
    select (year(local_time) - 2024) * 12 + month(local_time) - 1 as number, sum(total) as revenue
    from orders
    group by number
)
select
    make_date((2024 + this.number // 12)::int, (this.number % 12 + 1)::int, 1) as period,
    this.revenue,
    this.revenue::double / earlier.revenue::double - 1 as revenue_growth
from sums as this
left join sums as earlier on earlier.number = this.number - 12
