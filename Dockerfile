# The server in a container: built from the wheel, run by a user that is not root, with its record on a volume.
#
#   docker build -t sandbox .
#   docker run --rm -p 127.0.0.1:8787:8787 -v sandbox-data:/data sandbox
#
# In a container the server listens on all addresses, so the well-known keys are refused: hand keys in with
# -e SANDBOX_API_KEY=vk_… -e SANDBOX_SOLVER_KEY=vrl_slv_…, or read those that the first start makes with `docker logs`.

ARG PYTHON=3.12

# The wheel, and an environment that holds it with the pinned dependencies.
FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY sandbox ./sandbox
COPY playgrounds ./playgrounds
COPY seeds ./seeds
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
RUN python -m venv /opt/sandbox
RUN /opt/sandbox/bin/pip install --no-cache-dir --constraint constraints.txt "$(ls /wheels/*.whl)[fast]"

# Nothing of the source and no build tool is in what is run.
FROM python:${PYTHON}-slim
COPY --from=build /opt/sandbox /opt/sandbox
RUN useradd --system --uid 10001 --user-group --no-create-home sandbox && install -d -o sandbox -g sandbox /data
ENV PATH=/opt/sandbox/bin:$PATH PYTHONUNBUFFERED=1
USER sandbox
WORKDIR /data
VOLUME /data
EXPOSE 8787
# Ready is when requests can be served and recorded.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8787/readyz', timeout=4)"]
# Options given to `docker run` after the image's name are added.
ENTRYPOINT ["sandbox", "serve", "--host", "0.0.0.0", "--data-dir", "/data"]
