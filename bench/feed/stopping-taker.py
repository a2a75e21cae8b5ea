"""Takes as fast as it can for some seconds, says so, and is stopped wherever it is then: a trainer under SIGSTOP."""
import os
import signal

from measuring import how
from taker import of_the_feed


def stop(*_):
    print("stopped", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)


signal.signal(signal.SIGALRM, stop)
signal.setitimer(signal.ITIMER_REAL, how["seconds"])
for _ in of_the_feed():
    pass
