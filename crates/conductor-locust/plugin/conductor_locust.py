"""Load Test Conductor's plugin for Locust.

Put this file beside your locustfile and name both: ``locust -f locustfile.py,conductor_locust.py``.
Your locustfile stays as it is. The plugin

* sends the load-test header, the run id and any further headers with every request of HttpUser and
  FastHttpUser; a header the locustfile sets itself is kept;
* counts the KPI event, requests, failures, response times and status codes per whole second, at the time they happened;
* adds them up over the workers and serves them as JSON at ``/conductor/series`` of Locust's web interface.

What counts as the KPI event is set by the conductor, or said in the locustfile::

    from conductor_locust import kpi
    ...
    kpi()            # one event, now

It needs Python 3.8 and Locust 2.32 or newer, nothing else, and it does nothing but tag and count while no
conductor is attached.
"""

from __future__ import annotations

import functools
import inspect
import json
import logging
import time
import uuid
from collections import OrderedDict, deque

import gevent
import locust
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import LocalRunner

VERSION = "1"
"""Version of the JSON this plugin serves; the conductor refuses one it does not know."""

BUFFER_SECONDS = 300
"""Most seconds a worker holds while the master does not take its reports."""
SERIES_SECONDS = 6 * 3600
"""Most seconds of counts kept for one run."""
SERIES_BUCKETS = 200_000
"""Most histogram buckets and status codes kept over all seconds of one run; the oldest seconds lose theirs first."""
RUNS = 4
"""Most runs kept."""
ROWS = 200
"""Most request rows told apart; further ones are counted together."""
MARKS = 200
"""Most marks kept."""
OTHER_ROWS = ("", "(other rows)")
METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))
NO_RESPONSE = 0
"""Counted in place of a status code where there is none."""
LONGEST_MS = 600_000
CPU_LIMIT = 90.0
STILL_LIMIT = 2.0
SKEW_LIMIT = 0.5
SILENT_SECONDS = 10.0

logger = logging.getLogger("conductor_locust")


def bucket(milliseconds):
    """Rounds to two significant digits as Locust does: at most 370 values, at most 5 % off."""
    value = min(milliseconds, LONGEST_MS)
    if value < 100:
        return max(0, round(value))
    step = 10
    while value >= step * 100:
        step *= 10
    return int(round(value / step)) * step


def status_code(request_type, exception, response):
    """The status code of a request by HTTP, 0 where no response came; None for what was none by HTTP."""
    if hasattr(response, "status_code"):
        code = response.status_code
        return code if isinstance(code, int) and 100 <= code <= 599 else NO_RESPONSE
    return NO_RESPONSE if exception is not None and str(request_type).upper() in METHODS else None


class Second:
    """What happened in one second: KPI events by rule, by explicit call, requests by row, responses by status code."""

    __slots__ = ("kpi", "calls", "rows", "codes")

    def __init__(self):
        self.kpi = 0
        self.calls = {}
        self.rows = {}
        self.codes = {}
        """None where not all of them are known."""

    def row(self, key):
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = [0, 0, {}]
        return row


class Buffer:
    """Counts where the users run, until a report takes them away."""

    def __init__(self):
        self.seconds = OrderedDict()
        self.names = set()
        self.dropped = 0

    def second(self, run):
        key = (run, int(time.time()))
        found = self.seconds.get(key)
        if found is None:
            found = self.seconds[key] = Second()
            if len(self.seconds) > BUFFER_SECONDS:
                self.seconds.popitem(last=False)
                self.dropped += 1
        return found

    def row_key(self, method, name):
        key = (method, name)
        if key in self.names:
            return key
        if len(self.names) < ROWS:
            self.names.add(key)
            return key
        return OTHER_ROWS

    def take(self):
        """Everything counted so far, as plain lists, and forgets it; status codes apart, since older masters know none."""
        seconds, self.seconds = self.seconds, OrderedDict()
        dropped, self.dropped = self.dropped, 0
        taken = [
            [run, second, counts.kpi, counts.calls, [[m, n, *row] for (m, n), row in counts.rows.items()]]
            for (run, second), counts in seconds.items()
        ]
        return taken, [counts.codes for counts in seconds.values()], dropped


class Series:
    """The seconds of one run, added up over all workers, with bounded memory."""

    def __init__(self):
        self.seconds = {}
        self.totals = {"kpi": 0, "calls": {}, "requests": 0, "failures": 0}
        self.names = set()
        self.buckets = 0
        self.thinned_before = 0
        self.dropped_before = 0

    def add(self, second, kpi, calls, rows, codes):
        """Takes in what one process counted in a second; `codes` is None where it does not tell status codes."""
        if second < self.dropped_before:
            return
        counts = self.seconds.get(second)
        if counts is None:
            counts = self.seconds[second] = Second()
        counts.kpi += kpi
        self.totals["kpi"] += kpi
        for name, count in calls.items():
            counts.calls[name] = counts.calls.get(name, 0) + count
            self.totals["calls"][name] = self.totals["calls"].get(name, 0) + count
        for method, name, requests, failures, histogram in rows:
            key = (method, name)
            if key not in self.names:
                if len(self.names) < ROWS:
                    self.names.add(key)
                else:
                    key = OTHER_ROWS
            row = counts.row(key)
            row[0] += requests
            row[1] += failures
            self.totals["requests"] += requests
            self.totals["failures"] += failures
            for value, count in histogram.items():
                if value not in row[2]:
                    self.buckets += 1
                row[2][value] = row[2].get(value, 0) + count
        if codes is None and rows:
            self._forget_codes(counts)
        elif counts.codes is not None:
            for code, count in (codes or {}).items():
                if code not in counts.codes:
                    self.buckets += 1
                counts.codes[code] = counts.codes.get(code, 0) + count
        self._bound()

    def _forget_codes(self, counts):
        self.buckets -= len(counts.codes or ())
        counts.codes = None

    def _bound(self):
        while self.buckets > SERIES_BUCKETS:
            candidates = [s for s in self.seconds if s >= self.thinned_before]
            oldest = min(candidates)
            for row in self.seconds[oldest].rows.values():
                self.buckets -= len(row[2])
                row[2] = {}
            self._forget_codes(self.seconds[oldest])
            self.thinned_before = oldest + 1
        while len(self.seconds) > SERIES_SECONDS:
            oldest = min(self.seconds)
            dropped = self.seconds.pop(oldest)
            for row in dropped.rows.values():
                self.buckets -= len(row[2])
            self._forget_codes(dropped)
            self.dropped_before = oldest + 1

    def view(self, since, until):
        names, index, seconds = [], {}, []
        for second in sorted(s for s in self.seconds if since <= s and s + 1 <= until):
            counts, rows = self.seconds[second], []
            for key, row in counts.rows.items():
                if key not in index:
                    index[key] = len(names)
                    names.append(list(key))
                rows.append([index[key], row[0], row[1], row[2]])
            seconds.append({"t": second, "kpi": counts.kpi, "calls": counts.calls, "rows": rows, "codes": counts.codes})
        return names, seconds


class Worker:
    """What the master knows of one worker's reports."""

    def __init__(self, now):
        self.until = now
        self.heard = now
        self.offsets = deque(maxlen=10)
        self.shift = 0
        self.cpu = 0.0
        self.version = None
        self.same_users = True
        self.lost = False

    def hear(self, report, now):
        """Takes a report; its counts belong `shift` whole seconds later on the master's clock."""
        self.heard = now
        self.offsets.append(now - report["until"])
        offset = self.offset()
        self.shift = round(offset) if abs(offset) >= SKEW_LIMIT else 0
        self.until = report["until"] + self.shift
        self.cpu = report["cpu"]
        self.version = report["version"]

    def offset(self):
        """Seconds this worker's clock is behind the master's: the least delay seen is nearest to the truth."""
        return min(self.offsets, key=abs) if self.offsets else 0.0


class Settings:
    """What the conductor set through the custom arguments, parsed once for each change."""

    def __init__(self):
        self.texts = None
        self.run = ""
        self.tags = {}
        self.rule = None

    def refresh(self, options):
        texts = (
            getattr(options, "conductor_header", ""),
            getattr(options, "conductor_run", ""),
            getattr(options, "conductor_headers", ""),
            getattr(options, "conductor_kpi", ""),
        )
        if texts == self.texts:
            return
        self.texts = texts
        header, run, headers, rule = texts
        tags = {}
        name, colon, value = header.partition(":")
        if colon and name.strip():
            tags[name.strip()] = value.strip()
        if run:
            tags["X-Load-Test-Run"] = run
        tags.update({str(k): str(v) for k, v in self._object("conductor_headers", headers).items()})
        self.run, self.tags, self.rule = run, tags, self._object("conductor_kpi", rule) or None

    @staticmethod
    def _object(option, text):
        if not text:
            return {}
        try:
            value = json.loads(text)
        except ValueError as error:
            logger.error("%s is not JSON (%s): it is ignored", option, error)
            return {}
        if not isinstance(value, dict):
            logger.error("%s must be a JSON object: it is ignored", option)
            return {}
        return value


def pointed(document, pointer):
    """The value at a JSON pointer (RFC 6901), or None."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(token)
        elif isinstance(document, list) and token.isdigit() and int(token) < len(document):
            document = document[int(token)]
        else:
            return None
    return document


def same(actual, wanted):
    """JSON equality: `true` is not 1."""
    return actual == wanted and isinstance(actual, bool) == isinstance(wanted, bool)


class Plugin:
    """One per process, however often this file is loaded."""

    def __init__(self):
        self.environment = None
        self.settings = Settings()
        self.buffer = Buffer()
        self.runs = OrderedDict()
        self.marks = deque(maxlen=MARKS)
        self.stills = deque(maxlen=MARKS)
        self.workers = {}
        self.orphans = {"count": 0, "last_seen": None}
        self.boot = {"id": uuid.uuid4().hex, "at": time.time()}
        self.complete_until = 0.0

    # Counting, where the users run.

    def watch_itself(self):
        """Notices that this process stood still: what was not sent meanwhile says nothing about the system."""
        while True:
            before = time.monotonic()
            gevent.sleep(1)
            still = time.monotonic() - before - 1
            if still > STILL_LIMIT:
                self.stills.append((time.time() - still, time.time()))

    def current(self):
        options = getattr(self.environment, "parsed_options", None)
        if options is not None:
            self.settings.refresh(options)
        return self.settings

    def kpi(self, name="kpi", count=1):
        """Counts KPI events, now. Callable from any task; `name` tells several KPIs apart."""
        calls = self.buffer.second(self.current().run).calls
        calls[name] = calls.get(name, 0) + count
        self._keep_local()

    def on_request(self, request_type, name, response_time, exception=None, response=None, **_kwargs):
        settings = self.current()
        second = self.buffer.second(settings.run)
        if settings.rule is not None and exception is None and self._is_kpi(settings.rule, request_type, name, response):
            second.kpi += 1
        if response_time is not None:
            row = second.row(self.buffer.row_key(request_type, name))
            row[0] += 1
            if exception is not None:
                row[1] += 1
            value = bucket(response_time)
            row[2][value] = row[2].get(value, 0) + 1
            code = status_code(request_type, exception, response)
            if code is not None:
                second.codes[code] = second.codes.get(code, 0) + 1
        self._keep_local()

    @staticmethod
    def _is_kpi(rule, request_type, name, response):
        if rule.get("request") != name or rule.get("method", "").upper() != request_type.upper():
            return False
        if rule.get("status") is not None and getattr(response, "status_code", None) != rule["status"]:
            return False
        if rule.get("field") is None:
            return True
        try:
            value = pointed(response.json(), rule["field"])
        except Exception:  # whatever a client raises for a body that is not JSON: it is not the expected answer
            return False
        return same(value, rule["equals"]) if "equals" in rule else value not in (None, False)

    def _keep_local(self):
        # Standalone nobody reports, so whole seconds move into the series as soon as the next one begins.
        if self.is_local() and len(self.buffer.seconds) > 1:
            self._merge_local()

    def _merge_local(self):
        taken, codes, _ = self.buffer.take()
        for (run, second, kpi, calls, rows), of_second in zip(taken, codes):
            self.series(run).add(second, kpi, calls, rows, of_second)

    def is_local(self):
        return isinstance(getattr(self.environment, "runner", None), LocalRunner)

    # Reports, from workers to the master.

    def fingerprint(self):
        classes = getattr(self.environment, "available_user_classes", None) or self.environment.user_classes_by_name
        return ",".join(sorted(classes))

    def on_report_to_master(self, client_id, data):
        if self.environment is None:
            return  # the first report can leave before Locust has told its plugins that it is ready
        taken, codes, dropped = self.buffer.take()
        data["conductor"] = {
            "version": VERSION,
            "until": time.time(),
            "cpu": self.environment.runner.current_cpu_usage,
            "users": self.fingerprint(),
            "dropped": dropped,
            "stills": list(self.stills),
            "seconds": taken,
            "codes": codes,
        }
        self.stills.clear()

    def on_worker_connect(self, client_id, **_kwargs):
        # A worker says it is ready again after every stop: what it still holds must not count as reported.
        if client_id not in self.workers:
            now = time.time()
            self.workers[client_id] = Worker(now)
            self.mark("worker_joined", now, now, worker=client_id)

    def on_worker_report(self, client_id, data):
        now = time.time()
        runner = self.environment.runner
        if client_id not in self.workers and client_id not in runner.clients:
            # A worker of a master that is no more: it fires, and nobody would see it for a minute.
            self.orphans = {"count": self.orphans["count"] + 1, "last_seen": now}
            logger.warning("Telling worker %s to quit: it belongs to a master that is gone", client_id)
            runner.send_message("quit", client_id=client_id)
            return
        report = data.get("conductor")
        worker = self.workers.setdefault(client_id, Worker(now))
        if report is not None:
            self._take_report(client_id, worker, report, now)
        self.look_at_workers(now)

    def _take_report(self, client_id, worker, report, now):
        worker.hear(report, now)
        worker.same_users = report["users"] == self.fingerprint()
        if worker.cpu > CPU_LIMIT:
            self.mark("generator_bound", now - 10, now, worker=client_id, value=worker.cpu)
        for start, end in report["stills"]:
            self.mark("generator_bound", start + worker.shift, end + worker.shift, worker=client_id)
        if report["dropped"]:
            self.mark("dropped", now - BUFFER_SECONDS, now, worker=client_id, value=report["dropped"])
        late = None
        seconds = report["seconds"]
        codes = report.get("codes") or [None] * len(seconds)
        for (run, second, kpi, calls, rows), of_second in zip(seconds, codes):
            second += worker.shift
            if second + 1 <= self.complete_until:
                late = (min(second, late[0]), max(second + 1, late[1])) if late else (second, second + 1)
            self.series(run).add(second, kpi, calls, rows, of_second)
        if late:
            self.mark("late", late[0], late[1], worker=client_id)

    def look_at_workers(self, now):
        """Notices workers that went away: their last seconds were never reported."""
        runner = self.environment.runner
        running = runner.state in ("running", "spawning")
        for client_id, worker in list(self.workers.items()):
            client = runner.clients.get(client_id)
            if client is not None:
                gone = client.state == "missing"
            else:
                # After a stop a worker is absent from the list for a moment, though it still reports.
                gone = running or now - worker.heard > SILENT_SECONDS
            if gone and not worker.lost:
                self.mark("worker_lost", worker.until, now, worker=client_id)
            elif worker.lost and not gone:
                self.mark("worker_joined", now, now, worker=client_id)
            worker.lost = gone
            if gone and client is None:
                del self.workers[client_id]

    # Serving, on the master or standalone.

    def series(self, run):
        series = self.runs.get(run)
        if series is None:
            series = self.runs[run] = Series()
            if len(self.runs) > RUNS:
                self.runs.popitem(last=False)
        self.runs.move_to_end(run)
        return series

    def mark(self, kind, start, end, **details):
        self.marks.append({"kind": kind, "from": start, "to": end, **details})

    def on_reset_stats(self, **_kwargs):
        now = time.time()
        self.mark("counters_reset", now, now)

    def generator(self):
        runner = self.environment.runner
        workers = []
        for client_id, worker in self.workers.items():
            client = runner.clients.get(client_id)
            workers.append(
                {
                    "id": client_id,
                    "state": "missing" if worker.lost else getattr(client, "state", "stopping"),
                    "users": getattr(client, "user_count", 0),
                    "cpu": worker.cpu,
                    "plugin": worker.version,
                    "same_users": worker.same_users,
                    "clock_offset": worker.offset(),
                }
            )
        return {
            "state": runner.state,
            "user_count": runner.user_count,
            "cpu": max([runner.current_cpu_usage] + [w["cpu"] for w in workers if w["state"] != "missing"]),
            "workers": workers,
        }

    def answer(self, run, since):
        now = time.time()
        if self.is_local():
            self._merge_local()
            while self.stills:
                self.mark("generator_bound", *self.stills.popleft(), worker="local")
            if self.environment.runner.current_cpu_usage > CPU_LIMIT:
                self.mark("generator_bound", now - 10, now, worker="local", value=self.environment.runner.current_cpu_usage)
            until = now
        else:
            self.look_at_workers(now)
            until = min([w.until for w in self.workers.values() if not w.lost] + [now])
        self.complete_until = max(self.complete_until, until)
        series = self.runs.get(run) or Series()
        rows, seconds = series.view(since, self.complete_until)
        return {
            "plugin": VERSION,
            "locust": locust.__version__,
            "boot": self.boot,
            "run": run,
            "active_run": self.current().run,
            "now": now,
            "complete_until": self.complete_until,
            "histograms_from": series.thinned_before,
            "counts_from": series.dropped_before,
            "totals": series.totals,
            "rows": rows,
            "seconds": seconds,
            "marks": [m for m in self.marks if m["to"] >= since],
            "orphans": self.orphans,
            "generator": self.generator(),
        }

    # Joining Locust.

    def on_init(self, environment, runner=None, web_ui=None, **_kwargs):
        self.environment = environment
        gevent.spawn(self.watch_itself)
        if web_ui is None:
            return
        from flask import jsonify, request

        base = getattr(environment.parsed_options, "web_base_path", None) or ""

        @web_ui.app.route(base + "/conductor/series")
        @web_ui.auth_required_if_enabled
        def conductor_series():
            since = request.args.get("since", default=0.0, type=float)
            return jsonify(self.answer(request.args.get("run", self.current().run), since))

    @staticmethod
    def on_parser(parser):
        for option, default, text in (
            ("header", "X-Load-Test: true", "Header that marks every request as load, as `Name: value`"),
            ("run", "", "Id of the run, sent as X-Load-Test-Run"),
            ("headers", "", "Further headers, as a JSON object"),
            ("kpi", "", "What counts as the KPI event, as a JSON object: method, request, status, field, equals"),
        ):
            parser.add_argument(
                "--conductor-" + option,
                dest="conductor_" + option,
                env_var="LOCUST_CONDUCTOR_" + option.upper(),
                default=default,
                help=text,
                include_in_web_ui=False,
            )

    def register(self):
        events.init_command_line_parser.add_listener(self.on_parser)
        events.init.add_listener(self.on_init)
        events.request.add_listener(self.on_request)
        events.report_to_master.add_listener(self.on_report_to_master)
        events.worker_report.add_listener(self.on_worker_report)
        events.worker_connect.add_listener(self.on_worker_connect)
        events.reset_stats.add_listener(self.on_reset_stats)
        HttpSession.request = self.tagged(HttpSession.request, lambda session: session.headers)
        FastHttpSession.request = self.tagged(
            FastHttpSession.request, lambda session: getattr(session.client, "default_headers", ())
        )

    def tagged(self, original, session_headers):
        """A client's `request` that adds our headers to those of the call, where the locustfile has none."""
        names = list(inspect.signature(original).parameters)
        position = names.index("headers") - 1 if "headers" in names else None

        @functools.wraps(original)
        def request(session, *args, **kwargs):
            given = args[position] if position is not None and len(args) > position else kwargs.get("headers")
            own = dict(given or {})
            present = {str(name).lower() for name in own}
            present.update(str(name).lower() for name in session_headers(session))
            for name, value in self.current().tags.items():
                if name.lower() not in present:
                    own[name] = value
            if position is not None and len(args) > position:
                args = (*args[:position], own, *args[position + 1 :])
            else:
                kwargs["headers"] = own
            return original(session, *args, **kwargs)

        return request


# Locust loads this file as a module of its own even when the locustfile imported it before: both must count
# into the same place, and the clients must be wrapped once.
_plugin = getattr(events, "conductor_plugin", None)
if _plugin is None:
    _plugin = events.conductor_plugin = Plugin()
    _plugin.register()

kpi = _plugin.kpi
