select *, make_timestamp(epoch_us(visited_at) + 28800000000) as local_time
from read_parquet('{{ env_var("SHOP_DATA") }}/visits/*.parquet')
