select
    *,
    make_timestamp(epoch_us(ordered_at) + 28800000000) as local_time,
    status not in ('cancelled', 'test') as is_valid,
    epoch_us(delivered_at) - epoch_us(ordered_at) as fulfilment
from read_parquet('{{ env_var("SHOP_DATA") }}/orders/*.parquet')
