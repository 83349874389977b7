# Two stages: what is needed to install stays behind.
FROM python:3.13-slim AS built
WORKDIR /src
COPY requirements-runtime.lock ./
RUN python -m venv /opt/tellonce && /opt/tellonce/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY telemetry telemetry
COPY consumers consumers
COPY bot bot
RUN /opt/tellonce/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --system --uid 10001 tellonce
COPY --from=built /opt/tellonce /opt/tellonce
ENV PATH=/opt/tellonce/bin:$PATH PYTHONUNBUFFERED=1 TELLONCE_LOG_FORMAT=json
USER tellonce
WORKDIR /etc/tellonce
ENTRYPOINT ["tellonce"]
CMD ["--help"]
