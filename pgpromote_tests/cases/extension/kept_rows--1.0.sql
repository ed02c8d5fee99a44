create table kept(id serial primary key, word text unique);
insert into kept(word) values ('of the extension');
create table left_behind(id integer primary key);
select pg_extension_config_dump('kept', $$where word <> 'of the extension'$$);
select pg_extension_config_dump('kept_id_seq', '');
