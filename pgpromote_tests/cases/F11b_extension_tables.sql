-- Expected: refused or warned. As F11 with a real extension that makes tables at run time (control files: extension/ beside this file).
--@ expect warned extension_contents
--@ versions 18-18
--@ set differs=rows,answers
--@ dev
create extension bugs_queue;
select bugs_queue_new('mail');
insert into queue_mail(body) values ('one'),('two');
insert into queue_list(name, made) values ('extra', '2020-01-01');
--@ check
select count(*) from queue_mail;;
select count(*) from queue_list
