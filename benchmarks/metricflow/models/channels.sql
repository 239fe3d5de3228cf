select distinct channel from read_parquet('{{ env_var("SHOP_DATA") }}/visits/*.parquet')
