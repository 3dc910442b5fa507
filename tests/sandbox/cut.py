"""A way to a host's sshd that is cut."""

import contextlib
import socket
import threading


class Cut:
    """with Cut(address, bytes) as way: way.port leads to address:22, until so many bytes went there
    over a connection. Then it ends, or, if `silent`, stands still."""

    def __init__(self, address, after, silent=False):
        self.address, self.after, self.silent = address, after, silent
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection((self.address, 22))
                self.sockets += [near, far]
                for source, target, left in ((near, far, self.after), (far, near, None)):
                    threading.Thread(target=self._pump, args=(source, target, left),
                                     daemon=True).start()

    def _pump(self, source, target, left):
        with contextlib.suppress(OSError):
            while left is None or left > 0:
                data = source.recv(65536 if left is None else min(65536, left))
                if not data:
                    break
                target.sendall(data)
                left = None if left is None else left - len(data)
            if left is not None and left <= 0 and self.silent:
                return
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def now(self):
        """Cut what is open; new connections go through."""
        for end in self.sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.sockets.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.now()
