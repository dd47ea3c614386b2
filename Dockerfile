# docker build -t dlnlp . && docker run -p 7860:7860 dlnlp
FROM python:3.12-slim
ARG REQUIREMENTS=requirements.txt
# wget is for the probes of KubeRay (docs/cluster.md).
RUN useradd --create-home --uid 1000 user \
    && apt-get update && apt-get install -y --no-install-recommends wget && rm -rf /var/lib/apt/lists/*
WORKDIR /home/user/app
COPY pre-requirements.txt requirements.txt requirements-*.txt ./
RUN pip install --no-cache-dir -r pre-requirements.txt && pip install --no-cache-dir -r $REQUIREMENTS
COPY . .
USER user
ENV GRADIO_SERVER_NAME=0.0.0.0 PYTHONPATH=/home/user/app
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/healthz')"]
CMD ["python", "app.py"]
