"""What reading is compared with: nginx, which answers every path with one small file."""

import contextlib
import pathlib
import socket
import subprocess
import time

from figures import Fault
from server import free_port

READY_SECONDS_MAX = 10

# The best that nginx does with a file: no log, no look at the disk, connections that stay.
CONFIGURATION = """
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    open_file_cache max=16 inactive=600s;
    open_file_cache_valid 600s;
    default_type application/json;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/nginx-files;
        location / {{ try_files /answer =404; }}
    }}
}}
"""


@contextlib.contextmanager
def serving(folder, body):
    """The address of an nginx that answers `body` to everything."""
    folder = pathlib.Path(folder)
    files = folder / "nginx-files"
    files.mkdir(exist_ok=True)
    files.chmod(0o755)
    (files / "answer").write_bytes(body)
    (files / "answer").chmod(0o644)
    port = free_port()
    settings = folder / "nginx.conf"
    settings.write_text(CONFIGURATION.format(folder=folder, port=port))
    process = subprocess.Popen(
        ["/usr/sbin/nginx", "-c", settings, "-e", "stderr"], start_new_session=True)
    try:
        wait_until_listening(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_until_listening(process, port):
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise Fault("nginx does not start")
