-- A column for each measure, under its name: metrics made of measures with an expression lose it.
select
    order_id,
    channel,
    make_timestamp(epoch_us(ordered_at) + 28800000000) as local_time,
    case when status not in ('cancelled', 'test') then total end as revenue,
    case when status not in ('cancelled', 'test') then 1 else 0 end as order_count,
    case when status not in ('cancelled', 'test') then total - cost end as gross_margin,
    case when status not in ('cancelled', 'test') then customer_id end as active_customers,
    case when status not in ('cancelled', 'test') and delivered_at is not null then 1 else 0 end as delivered,
    case when status not in ('cancelled', 'test') then epoch_us(delivered_at) - epoch_us(ordered_at) end
        as order_fulfilment_time,
    case when status = 'cancelled' then 1 else 0 end as cancelled_orders,
    case when status not in ('cancelled', 'test') then total end as largest_order,
    case when status not in ('cancelled', 'test') then items end as items_sold
from read_parquet('{{ env_var("SHOP_DATA") }}/orders/*.parquet')
