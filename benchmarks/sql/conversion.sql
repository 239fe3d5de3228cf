-- Orders and visits by local week and channel: each source is grouped by itself, and the two meet on a few rows.

with ordered as (
    select (epoch_us(ordered_at) + 288000000000) // 604800000000 as week, channel, count(*) as order_count
    from '$DATA/orders/*.parquet'
    where status not in ('cancelled', 'test')
    group by all
),
visited as (
    select (epoch_us(visited_at) + 288000000000) // 604800000000 as week, channel, count(*) as visit_count
    from '$DATA/visits/*.parquet'
    group by all
),
cells as (
    select week, channel
    from (select distinct week from visited), (select distinct channel from visited)
)
select
    date '1969-12-29' + (7 * cells.week)::int as period,
    cells.channel,
    coalesce(order_count, 0) as order_count,
    coalesce(visit_count, 0) as visit_count,
    coalesce(order_count, 0)::double / visit_count as conversion
from cells
left join ordered on ordered.week = cells.week and ordered.channel is not distinct from cells.channel
left join visited on visited.week = cells.week and visited.channel is not distinct from cells.channel
