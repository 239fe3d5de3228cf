select
    visit_id,
    channel,
    make_timestamp(epoch_us(visited_at) + 28800000000) as local_time,
    visitor_id as visitors,
    1 as visit_count
from read_parquet('{{ env_var("SHOP_DATA") }}/visits/*.parquet')
