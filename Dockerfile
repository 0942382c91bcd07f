# The service as an image: Python, the locked packages and stepd, run by a user that owns nothing.
#
#     docker build -t stepd .
#     docker run --rm -p 127.0.0.1:8000:8000 -e STEPD_INSECURE=1 stepd
#
# Without STEPD_INSECURE=1 it refuses to start: in a container it must listen on every address, there are no access keys
# yet, and who may reach the port is for whoever runs it to say. It writes no file: --read-only needs no --tmpfs.

FROM python:3.13-slim-trixie AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# An environment without pip of its own: the base image's pip fills it.
RUN python -m venv --without-pip /opt/stepd
COPY requirements/serve.txt requirements/
RUN python -m pip --python /opt/stepd/bin/python install --require-hashes --only-binary :all: -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY service service
# What only builds the project leaves again; `pip check` tells whether anything that stays had needed it. The bytecode
# is never checked against its source, which nobody can change in an image: times that a copy loses don't matter.
RUN python -m pip --python /opt/stepd/bin/python install --no-deps --no-build-isolation --no-index . \
    && python -m pip --python /opt/stepd/bin/python uninstall --quiet --yes \
        editables hatchling packaging pathspec pluggy tomlkit trove-classifiers \
    && python -m pip --python /opt/stepd/bin/python check \
    && /opt/stepd/bin/python -m compileall -q -x '/tests/' --invalidation-mode unchecked-hash /opt/stepd/lib

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="stepd" \
      org.opencontainers.image.description="An optimizer that any program can call: optimizer sessions over HTTP, exact to the bit" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
COPY --from=builder /opt/stepd /opt/stepd
ENV PATH=/opt/stepd/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Container engines kill 10 seconds after SIGTERM: the drain ends before.
ENV STEPD_HOST=0.0.0.0 STEPD_SHUTDOWN_S=8
# No name, so that a runtime can see that it is not root.
USER 10001:10001
EXPOSE 8000
# Alive rather than ready: what restarts an unhealthy container would take every session with it. It answers only once
# the service has started, so that waiting for "healthy" is waiting for that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-IS", "-c", \
    "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('STEPD_PORT') or 8000), timeout=4); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["stepd"]
CMD ["serve"]
