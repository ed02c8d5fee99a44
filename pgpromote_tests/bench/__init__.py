"""`make bench`: the promotion side by side with the manual commands and with pgcopydb.

stage: two servers, the sources that are promoted, fresh targets. contenders: the programs compared; each
makes a target of a source. child: one promotion in a process of its own, which prints its results; trace: the
recording of these. client: a user of prod meanwhile. measures: the measurements, their order and number.
rows: one per goal of the project, made of the measurements; figures: the arithmetic. show: tables; chart: a
picture.
"""
