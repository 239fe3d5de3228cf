-- The whole scorecard by local month: every source is read once, and all meet on 36 rows.

with orders as (
    select
        *,
        status not in ('cancelled', 'test') as is_valid,
        make_timestamp(epoch_us(ordered_at) + 28800000000) as local_time,
        (year(local_time) - 2024) * 12 + month(local_time) - 1 as number
    from '$DATA/orders/*.parquet'
),
sales as (
    select
        number,
        count(*) as all_orders,
        sum(total) filter (is_valid) as revenue,
        count(*) filter (is_valid) as order_count,
        count(customer_id) filter (is_valid) as orders_of_customers,
        sum(total - cost) filter (is_valid) as gross_margin,
        count(delivered_at) filter (is_valid) as delivered,
        sum(epoch_us(delivered_at) - epoch_us(ordered_at)) filter (is_valid) as fulfilment,
        count(*) filter (status = 'cancelled') as cancelled_orders,
        max(total) filter (is_valid) as largest_order,
        sum(items) filter (is_valid) as items_sold
    from orders
    group by number
),
orders_of_customer as (
    select customer_id, number, count(*) as orders
    from orders
    where is_valid and customer_id is not null
    group by all
),
months_of_customer as (
    select bit_or(1::bigint << number) as months, bit_or((orders >= 2)::bigint << number) as repeated
    from orders_of_customer
    group by customer_id
),
patterns as (
    select months, repeated, count(*) as customers from months_of_customer group by all
),
buyers as (
    select
        number,
        sum(customers * ((months >> number) & 1))::bigint as active_customers,
        sum(customers * ((repeated >> number) & 1))::bigint as repeat_customers,
        sum(customers * ((months >> number) & (months >> greatest(number - 1, 0)) & 1))::bigint as kept_customers,
        sum(customers) filter (months & ((2::bigint << number) - 1) = 1::bigint << number)::bigint as new_customers
    from patterns, range(36) as every(number)
    group by number
),
registered as (
    select
        (year(local_time) - 2024) * 12 + month(local_time) - 1 as number,
        count(*) as registrations
    from (
        select make_timestamp(epoch_us(registered_at) + 28800000000) as local_time from '$DATA/customers.parquet'
    )
    group by number
),
lines as (
    select
        (year(local_time) - 2024) * 12 + month(local_time) - 1 as number,
        count(*) as lines,
        sum(quantity) as units_sold,
        sum(amount) as line_revenue,
        sum(discount) as discounts,
        count(distinct product_id) as products_sold,
        sum(amount) filter (category = 'toys') as toys
    from (
        select *, make_timestamp(epoch_us(ordered_at) + 28800000000) as local_time
        from '$DATA/order_lines/*.parquet'
    )
    left join '$DATA/products.parquet' using (product_id)
    group by number
),
visits as (
    select
        *,
        make_timestamp(epoch_us(visited_at) + 28800000000) as local_time,
        (year(local_time) - 2024) * 12 + month(local_time) - 1 as number
    from '$DATA/visits/*.parquet'
),
traffic as (
    select
        number,
        count(*) as visit_count,
        sum(pages) as pages,
        count(*) filter (pages = 1) as bounces,
        count(*) filter (device = 'phone') as phones
    from visits
    group by number
),
months_of_visitor as (
    select bit_or(1::bigint << number) as months from visits group by visitor_id
),
visitors as (
    select number, sum(found * ((months >> number) & 1))::bigint as visitors
    from (select months, count(*) as found from months_of_visitor group by months), range(36) as every(number)
    group by number
),
tickets as (
    select
        make_timestamp(epoch_us(opened_at) + 28800000000) as opened,
        make_timestamp(epoch_us(closed_at) + 28800000000) as closed,
        epoch_us(first_reply_at) - epoch_us(opened_at) as first_response,
        epoch_us(closed_at) - epoch_us(opened_at) as resolution
    from '$DATA/tickets/*.parquet'
),
opened as (
    select
        (year(opened) - 2024) * 12 + month(opened) - 1 as number,
        count(*) as tickets_opened,
        quantile_cont(first_response, [0.5, 0.9]) as quantiles,
        avg(resolution) as resolution_time
    from tickets
    group by number
),
closed as (
    select (year(closed) - 2024) * 12 + month(closed) - 1 as number, count(*) as tickets_closed
    from tickets
    where closed is not null
    group by number
),
campaigns as (
    select
        (year(day) - 2024) * 12 + month(day) - 1 as number,
        sum(cost) as advertising,
        sum(clicks) as clicks,
        sum(impressions) as impressions
    from '$DATA/ad_spend/*.parquet'
    group by number
)
select
    make_date((2024 + number // 12)::int, (number % 12 + 1)::int, 1) as period,
    revenue,
    order_count,
    revenue::double / order_count as average_order_value,
    gross_margin,
    gross_margin::double / revenue::double as margin_rate,
    gross_margin::double / order_count as average_margin,
    active_customers,
    delivered::double / order_count as order_fulfilment_rate,
    fulfilment::double / delivered as order_fulfilment_time,
    cancelled_orders,
    largest_order,
    items_sold,
    cancelled_orders::double / all_orders as cancellation_rate,
    revenue::double / lag(revenue, 12) over (order by number)::double - 1 as revenue_growth,
    sum(revenue) over (partition by number // 12 order by number) as revenue_this_year,
    repeat_customers::double / active_customers as repeat_purchase_rate,
    case when number > 0
        then kept_customers::double / lag(active_customers) over (order by number)
    end as retention_rate,
    coalesce(new_customers, 0) as new_customers,
    registrations,
    orders_of_customers::double / active_customers as orders_per_customer,
    units_sold,
    line_revenue,
    line_revenue::double / units_sold as average_price,
    discounts::double / (line_revenue + discounts)::double as discount_rate,
    lines::double / all_orders as lines_per_order,
    products_sold,
    toys::double / line_revenue::double as toys_share,
    visit_count,
    visitors,
    visit_count::double / visitors as visits_per_visitor,
    pages::double / visit_count as pages_per_visit,
    bounces::double / visit_count as bounce_rate,
    phones::double / visit_count as phone_share,
    order_count::double / visit_count as conversion,
    order_count::double / visitors as visitor_conversion,
    revenue::double / visit_count as revenue_per_visit,
    tickets_opened,
    tickets_closed,
    sum(tickets_opened - tickets_closed) over (order by number)::bigint as open_tickets,
    quantiles[1] as first_response_median,
    quantiles[2] as first_response_p90,
    resolution_time,
    tickets_opened::double / order_count as tickets_per_order,
    advertising,
    clicks,
    advertising::double / clicks as cost_per_click,
    clicks::double / impressions as click_through_rate,
    revenue::double / advertising::double as return_on_advertising,
    advertising::double / new_customers as cost_per_new_customer
from sales
join buyers using (number)
join registered using (number)
join lines using (number)
join traffic using (number)
join visitors using (number)
join opened using (number)
join closed using (number)
join campaigns using (number)
