-- The demo's files as tables, with the columns of what they refer to and the local day of every row.
-- Asia/Shanghai has been at UTC+8 all the time that the demo covers.

create table customers as
select customer_id, country, loyalty_member, (first_seen_at::timestamp + interval 8 hours)::date as day
from '$DATA/customers.parquet';

create table orders as
select
    order_id, customer_id, channel, status, total, cost, country, loyalty_member,
    coalesce(status not in ('cancelled', 'test'), false) as is_valid,
    (ordered_at::timestamp + interval 8 hours)::date as day,
    (delivered_at::timestamp + interval 8 hours)::date as delivered_day,
    epoch_us(delivered_at) - epoch_us(ordered_at) as fulfilment
from '$DATA/orders/*.parquet' left join customers using (customer_id);

create table order_lines as
select
    product_id, quantity, price, unit_cost, category, brand, channel, country, is_valid,
    (ordered_at::timestamp + interval 8 hours)::date as day
from '$DATA/order_lines.parquet' lines
left join (select order_id, channel, country, is_valid from orders) using (order_id)
left join '$DATA/products.parquet' using (product_id);

create table visits as
select
    visitor_id, visit_number, length, channel, campaign, device,
    (started_at::timestamp + interval 8 hours)::date as day
from '$DATA/visits.parquet';

create table ad_spend as
select *
from read_csv('$DATA/ad_spend.csv', header = true, columns = {
    'day': 'date', 'channel': 'text', 'campaign': 'text', 'cost': 'decimal(12, 2)', 'clicks': 'bigint',
    'attributed_revenue': 'decimal(12, 2)', 'attributed_orders': 'bigint'
});
