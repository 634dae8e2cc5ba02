"""Runs MiniStack and ends it when whoever started it is gone: the parent holds the other end of stdin and never writes."""
import os
import runpy
import signal
import sys
import threading
import time


def end_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os.kill(os.getpid(), signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()
runpy.run_module("ministack", run_name="__main__", alter_sys=True)
