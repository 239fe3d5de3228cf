-- The demo's files as tables, with the columns of what they refer to and the local day of every row.
-- Asia/Shanghai has been at UTC+8 all the time that the demo covers.

create macro local(moment) as moment::timestamp + interval 8 hours;
create macro local_day(moment) as local(moment)::date;
-- Rows from this instant on have not happened yet.
create macro known(moment) as local(moment) < timestamp '$AS_OF';

create table customers as
select customer_id, country, loyalty_member, local_day(first_seen_at) as day
from '$DATA/customers.parquet';

create table products as from '$DATA/products.parquet';

-- ---------------------------------------------------------------- orders

create table carts as
select
    cart_id, device, checkout_at, local_day(created_at) as day,
    exists (
        from '$DATA/orders/*.parquet' orders
        where orders.cart_id = carts.cart_id and known(ordered_at)
        and ordered_at >= created_at and ordered_at < created_at + interval 24 hours
    ) as ordered_in_a_day
from '$DATA/carts.parquet' carts;

create table products_of_order as
select order_id, count(distinct product_id) as products_bought
from '$DATA/order_lines.parquet' where known(ordered_at) group by order_id;

create table orders as
select
    order_id, customer_id, visitor_id, channel, status, total, cost, country, loyalty_member, device,
    coalesce(products_bought, 0) as products_bought,
    coalesce(status not in ('cancelled', 'test'), false) as is_valid,
    ordered_at, date_trunc('hour', local(ordered_at)) as ordered_hour,
    local_day(ordered_at) as day, local_day(delivered_at) as delivered_day,
    epoch_us(delivered_at) - epoch_us(ordered_at) as fulfilment
from '$DATA/orders/*.parquet'
left join customers using (customer_id)
left join (select cart_id, device from carts) using (cart_id)
left join products_of_order using (order_id);

create table order_days as
select unnest(generate_series(min(day), date '$AS_OF' - 1, interval 1 day))::date as day from orders;

create table order_lines as
select
    order_id, product_id, quantity, price, unit_cost, category, brand, channel, country, is_valid,
    local_day(ordered_at) as day
from '$DATA/order_lines.parquet' lines
left join (select order_id, channel, country, is_valid from orders) using (order_id)
left join products using (product_id);

create table basket as
select one.order_id, one.day, one.product_id as item, two.product_id as other
from order_lines one join order_lines two using (order_id, day);

create table returns as
select order_id, refund, channel, country, device, local_day(requested_at) as day
from '$DATA/returns.parquet'
left join (select order_id, channel, country, device from orders) using (order_id);

-- ---------------------------------------------------------------- visits

-- For each visit the visitor's next valid order, if there is one.
create table next_orders as
select visits.visit_id, orders.ordered_at - visits.started_at as waited
from '$DATA/visits.parquet' visits
asof join (from orders where is_valid and known(ordered_at)) orders
on visits.visitor_id = orders.visitor_id and visits.started_at <= orders.ordered_at;

create table views_of_visit as
select visit_id, count(*) as views from '$DATA/page_views.parquet' where known(viewed_at) group by visit_id;

create table visits as
select
    visit_id, visitor_id, visit_number, length, channel, campaign, device, coalesce(views, 0) as views,
    coalesce(waited < interval 7 days, false) as ordered_in_7_days,
    coalesce(waited < interval 24 hours, false) as ordered_in_a_day,
    local_day(started_at) as day
from '$DATA/visits.parquet'
left join next_orders using (visit_id)
left join views_of_visit using (visit_id);

create table page_views as
select visit_id, section, channel, campaign, device, local_day(viewed_at) as day
from '$DATA/page_views.parquet'
left join (select visit_id, channel, campaign, device from visits) using (visit_id);

-- ---------------------------------------------------------------- stock, prices

create table stock as
select day, product_id, on_hand, on_hand * unit_cost as value, category, brand
from '$DATA/stock.parquet' left join products using (product_id);

create table price_list as
select day, product_id, price, category, brand
from '$DATA/price_list.parquet' left join products using (product_id);

create table competitor_prices as
select day, product_id, price, category, brand
from '$DATA/competitor_prices.parquet' left join products using (product_id);

-- ---------------------------------------------------------------- lifetimes, without the broken ones

create table subscriptions as
select plan, country, local_day(started_at) as day, local_day(ended_at) as ends_day
from '$DATA/subscriptions.parquet' left join customers using (customer_id)
where started_at is not null and (ended_at is null or ended_at >= started_at);

create table loyalty as
select country, local_day(joined_at) as day, local_day(left_at) as ends_day
from '$DATA/loyalty.parquet' left join customers using (customer_id)
where joined_at is not null and (left_at is null or left_at >= joined_at);

create table newsletter as
select form, local_day(subscribed_at) as day, local_day(unsubscribed_at) as ends_day
from '$DATA/newsletter.parquet'
where subscribed_at is not null and (unsubscribed_at is null or unsubscribed_at >= subscribed_at);

create table tickets as
select
    ticket_id, country, topic, channel as contact, escalated,
    epoch_us(first_reply_at) - epoch_us(opened_at) as response_time,
    epoch_us(closed_at) - epoch_us(opened_at) as resolution_time,
    local_day(opened_at) as day, local_day(first_reply_at) as reply_day, local_day(closed_at) as ends_day
from '$DATA/tickets.parquet' left join customers using (customer_id)
where opened_at is not null and (closed_at is null or closed_at >= opened_at);

-- ---------------------------------------------------------------- marketing

create table ad_spend as
from read_csv('$DATA/ad_spend.csv', header = true, columns = {
    'day': 'date', 'channel': 'text', 'campaign': 'text', 'cost': 'decimal(12, 2)', 'clicks': 'bigint',
    'attributed_revenue': 'decimal(12, 2)', 'attributed_orders': 'bigint'
});

create table acquisition_costs as select kind, amount, booked_on as day from '$DATA/acquisition_costs.parquet';

create table emails as
select kind, delivered, opened_at, clicked_at, local_day(sent_at) as day from '$DATA/emails.parquet';

create table search_rank as from '$DATA/search_rank.parquet';

create table social as from '$DATA/social.parquet';

-- ---------------------------------------------------------------- what customers say and write

create table messages as
select ticket_id, messages.channel as contact, inbound, country, local_day(received_at) as day
from '$DATA/messages.parquet' messages left join (select ticket_id, country from tickets) using (ticket_id);

create table reviews as
select rating, category, brand, local_day(created_at) as day
from '$DATA/reviews.parquet' left join products using (product_id);

create table nps_answers as
select
    touchpoint, theme, country, score,
    local_day(answered_at) as day, local_day(invited_at) as invited_day
from '$DATA/nps_answers.parquet' left join customers using (customer_id);

create table csat_answers as
select touchpoint, theme, score, comment, local_day(answered_at) as day from '$DATA/csat_answers.parquet';

create table nps_benchmarks as
select make_date(year, 1, 1) as day, industry, nps
from read_csv('$DATA/nps_benchmarks.csv', header = true, columns = {
    'year': 'integer', 'industry': 'text', 'nps': 'decimal(9, 2)'
});
