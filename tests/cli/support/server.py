"""A server on the loopback interface that does what servers should not do.

server.py FOLDER LOG [CERTIFICATE KEY]: serves the files of FOLDER, writes its port on the first
line of its output, and a line for each request to LOG: path, the Range header or "-".

The first word of the path says how:
  /good/FILE            with ranges
  /cut/N/FILE           N bytes of what is asked for, then the connection ends
  /cutonce/N/FILE       the same the first time, then like /good
  /wrong/FILE           the same length, its last byte another
  /long/FILE            one byte more, and says so;   /longer/FILE: without saying a length
  /short/FILE           one byte less, and says so;   /shorter/FILE: without saying a length
  /stall/N/FILE         N bytes, then nothing
  /norange/FILE         all of it, whatever part is asked for
  /badrange/FILE        a part that was not asked for
  /norange416/FILE      416 for any part
  /status/CODE/FILE     CODE; /statusonce/CODE/FILE: the first time
  /to/ADDRESS           redirects there
  /hop/N/FILE           redirects N times; -1: for ever
"""
import http.server
import pathlib
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

root, log = pathlib.Path(sys.argv[1]), open(sys.argv[2], "a", buffering=1)
seen = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def start(self, code, headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def fail(self, code):
        page = b"<html>an error</html>"
        self.start(code, {"Content-Length": len(page)})
        self.wfile.write(page)

    def redirect(self, where):
        self.start(302, {"Location": where, "Content-Length": 0})

    def send(self, data, stated, code=200, headers=None, sleep=0):
        head = dict(headers or {}, Connection="close")
        if stated is not None:
            head["Content-Length"] = stated
        self.start(code, head)
        self.wfile.write(data)
        self.wfile.flush()
        if sleep:
            time.sleep(sleep)
        self.close_connection = True

    def do_GET(self):
        asked = self.headers.get("Range")
        log.write(f"{self.path} {asked or '-'}\n")
        way, _, rest = self.path[1:].partition("/")
        once = way.endswith("once")
        if once:
            way = way.removesuffix("once")
        number = None
        if way in ("cut", "stall", "status", "hop"):
            number, _, rest = rest.partition("/")
            number = int(number)
        if once and self.path in seen:
            way = "good"
        seen.add(self.path)
        if way == "to":
            return self.redirect(urllib.parse.unquote(rest))
        if way == "hop" and number:
            return self.redirect(f"/hop/{number - 1}/{rest}" if number > 0 else f"/hop/-1/{rest}")
        if way == "status":
            return self.fail(number)
        path = root / rest
        if not path.is_file():
            return self.fail(404)
        data = path.read_bytes()
        self.answer(way, number, data, asked)

    def answer(self, way, number, data, asked):
        if way == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        elif way in ("long", "longer"):
            data += b"x"
        elif way in ("short", "shorter"):
            data = data[:-1]
        if way in ("longer", "shorter"):
            return self.send(data, None)
        size, first = len(data), 0
        if asked and way == "norange416":
            return self.fail(416)
        if not asked or way == "norange":
            code, headers = 200, {}
        else:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if way == "badrange":
                first -= 1
            if first >= size:
                return self.fail(416)
            code, headers = 206, {"Content-Range": f"bytes {first}-{size - 1}/{size}"}
        part = data[first:]
        sent = part[:number] if way in ("cut", "stall") else part
        self.send(sent, len(part), code, headers, 20 if way == "stall" else 0)


class Server(socketserver.ThreadingTCPServer):  # HTTPServer asks for the host's name, for seconds
    daemon_threads = True

    def handle_error(self, *_):  # who goes away is no news
        pass


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
# Goes when the test does: its standard input ends.
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
