-- Distinct visitors by local month and channel, through one bit a month for each visitor of a channel.

with months_of_visitor as (
    select
        channel,
        bit_or(1::bigint << (
            (year(make_timestamp(epoch_us(visited_at) + 28800000000)) - 2024) * 12
            + month(make_timestamp(epoch_us(visited_at) + 28800000000)) - 1
        )) as months
    from '$DATA/visits/*.parquet'
    group by channel, visitor_id
),
patterns as (
    select channel, months, count(*) as visitors from months_of_visitor group by all
)
select
    make_date((2024 + number // 12)::int, (number % 12 + 1)::int, 1) as period,
    channel,
    sum(visitors * ((months >> number) & 1))::bigint as visitors
from patterns, range(36) as every(number)
group by all
