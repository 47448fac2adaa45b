# A server for a saved model, on CPUs, without network at run time:
#   docker build -t spacetune .
#   docker run -p 127.0.0.1:8000:8000 -v "$PWD/model:/model:ro" -e SPACETUNE_API_KEY=... spacetune
# Any other command: docker run -v "$PWD:/work" -w /work spacetune fit train.csv --out model
FROM python:3.12-slim

# The index of torch's CPU build: the usual one brings several GB of CUDA on Linux.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /opt/spacetune
COPY lock/ lock/
RUN pip install --no-cache-dir --require-hashes --no-deps -r lock/serve.txt \
 && pip install --no-cache-dir --index-url "$TORCH_INDEX" -r lock/torch.txt
COPY pyproject.toml README.md LICENSE ./
COPY src/ src/
RUN pip install --no-cache-dir --no-build-isolation --no-deps . \
 && useradd --create-home --uid 1000 spacetune

USER spacetune
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=3)"]
ENTRYPOINT ["spacetune"]
# Inside a container loopback reaches nobody: publish the port on the addresses that are meant to reach it, and set a key.
CMD ["serve", "/model", "--host", "0.0.0.0"]
