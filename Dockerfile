# docker build --tag pgpromote .
# docker run --rm --env-file pgpromote.env --volume pgpromote:/srv/pgpromote/data pgpromote promote
FROM python:3.11-slim-bookworm

# Client programs of every supported major version: a dump needs one that is not older than Dev's server.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
 && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
 && apt-get install --yes --no-install-recommends \
      postgresql-client-15 postgresql-client-16 postgresql-client-17 postgresql-client-18 \
 && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml constraints.txt README.md LICENSE /usr/src/pgpromote/
COPY pgpromote /usr/src/pgpromote/pgpromote
RUN pip install --no-cache-dir --constraint /usr/src/pgpromote/constraints.txt /usr/src/pgpromote \
 && rm -rf /usr/src/pgpromote \
 && useradd --uid 10001 --create-home --home-dir /srv/pgpromote pgpromote \
 && install --directory --owner pgpromote --group pgpromote --mode 0700 /srv/pgpromote/data

USER 10001
WORKDIR /srv/pgpromote
VOLUME /srv/pgpromote/data
ENTRYPOINT ["pgpromote"]
CMD ["--help"]
