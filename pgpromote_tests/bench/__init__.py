"""`make bench`: the promotion side by side with the manual commands and with pgcopydb.

stage: two servers, the sources that are promoted, fresh targets. contenders: what is compared; each makes a
target of a source. child: one promotion in a process of its own, which tells what it did; trace: how that is
taken down. client: somebody who uses prod meanwhile. measures: what is run, and how often. rows: one per
goal of the project, made of the measurements; figures: the arithmetic. show: tables; chart: a picture.
"""
