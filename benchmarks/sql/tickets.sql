-- Tickets open at the end of each local month, with running sums of those opened and those closed; median and p90 of
-- the time to the first reply of those opened in the month.

with tickets as (
    select
        make_timestamp(epoch_us(opened_at) + 28800000000) as opened,
        make_timestamp(epoch_us(closed_at) + 28800000000) as closed,
        epoch_us(first_reply_at) - epoch_us(opened_at) as first_response
    from '$DATA/tickets/*.parquet'
),
opened as (
    select
        (year(opened) - 2024) * 12 + month(opened) - 1 as number,
        count(*) as change,
        quantile_cont(first_response, [0.5, 0.9]) as quantiles
    from tickets
    group by number
),
closed as (
    select (year(closed) - 2024) * 12 + month(closed) - 1 as number, count(*) as change
    from tickets
    where closed is not null
    group by number
)
select
    make_date((2024 + number // 12)::int, (number % 12 + 1)::int, 1) as period,
    sum(opened.change - coalesce(closed.change, 0)) over (order by number)::bigint as open_tickets,
    quantiles[1] as first_response_median,
    quantiles[2] as first_response_p90
from opened
left join closed using (number)
