# syntax=docker/dockerfile:1
# Loligo in a container: built from this folder, run by a user without rights, everything that changes in /bot.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /build && /build/bin/pip install --require-hashes -r requirements.lock
COPY . .
# The wheel brings the libraries of the page from npm, by the hashes of package-lock.json.
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist .
# The lock as constraints: the versions that were tested, without those that only tests and the build need.
RUN sed -nE 's/^([A-Za-z0-9._-]+(\[[^]]*\])?==[^ ;]+).*/\1/p' requirements.lock > /dist/constraints.txt \
 && python -m venv /opt/loligo \
 && /opt/loligo/bin/pip install --constraint /dist/constraints.txt /dist/*.whl \
 && /opt/loligo/bin/python -m compileall -q /opt/loligo/lib

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Loligo" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/loligo /opt/loligo
RUN install -d -m 0700 -o 10001 -g 10001 /bot
ENV PATH=/opt/loligo/bin:$PATH LOLIGO_HOME=/bot HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /bot
VOLUME /bot
EXPOSE 8321
STOPSIGNAL SIGTERM
# Asks the engine's own door, so it is right without a page, too; 4 (not running) and all else count as unhealthy.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["sh", "-c", "loligo --quiet ask version || exit 1"]
# A folder that is a bot already stays as it is.
CMD ["sh", "-c", "loligo --quiet init --force \"$LOLIGO_HOME\" && exec loligo run --headless --stay"]
