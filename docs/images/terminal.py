#!/usr/bin/env python3
"""Records commands in a real terminal and draws what was seen as an SVG that plays once.

    docs/images/terminal.py docs/images/run.svg pipelines -- mlp run titanic.mlp -- mlp run titanic.mlp

The first argument is the drawing, the second the folder in which the commands run, one after the other. A viewer that plays
nothing shows the last moment. Needs Python alone.
"""
import codecs
import fcntl
import html
import os
import pty
import re
import select
import struct
import sys
import termios
import time

COLUMNS, ROWS = 96, 40
CELL, LINE, MARGIN = 8.0, 18.0, 14.0
# What a person takes to type, how often the screen is looked at, and how long a result is read.
TYPING, LOOK, PAUSE = 0.045, 1 / 12, 1.5

COLOURS = {
    # name: (light, dark)
    "ink": ("#1d2226", "#e4e7e9"),
    "paper": ("#fdfdfc", "#14171a"),
    "edge": ("#dcdfe1", "#343a40"),
    "dim": ("#6d767d", "#8b949b"),
    "c1": ("#b3261e", "#f2877f"),
    "c2": ("#22714a", "#6cc398"),
    "c3": ("#8a5a00", "#dcab52"),
    "c4": ("#0a5a9c", "#74b3ea"),
    "c5": ("#7a3f9d", "#c49be0"),
    "c6": ("#35707c", "#7fbfcb"),
}


class Screen:
    """As much of a terminal as the program needs."""

    def __init__(self):
        self.rows = [[]]
        self.row = self.column = 0
        self.style = ()

    def feed(self, text):
        for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r|\n)", text):
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self.row += 1
                self.column = 0
            elif part.startswith("\x1b["):
                self.control(part[2:-1], part[-1])
            elif not part.startswith("\x1b"):
                for char in part:
                    self.put(char)

    def line(self):
        while len(self.rows) <= self.row:
            self.rows.append([])
        return self.rows[self.row]

    def put(self, char):
        # A terminal wraps where the next character would stand outside.
        if self.column >= COLUMNS:
            self.row, self.column = self.row + 1, 0
        line = self.line()
        line.extend([(" ", ())] * (self.column + 1 - len(line)))
        line[self.column] = (char, self.style)
        self.column += 1

    def control(self, numbers, letter):
        count = int(numbers) if numbers.isdigit() else 0
        if letter == "m":
            self.styled([int(number or 0) for number in numbers.split(";")])
        elif letter == "A":
            self.row = max(0, self.row - max(1, count))
        elif letter == "B":
            self.row += max(1, count)
        elif letter == "C":
            self.column += max(1, count)
        elif letter == "D":
            self.column = max(0, self.column - max(1, count))
        elif letter == "G":
            self.column = max(1, count) - 1
        elif letter == "K":
            line = self.line()
            self.rows[self.row] = [] if count == 2 else line[: self.column]
        elif letter == "J":
            self.rows[self.row] = self.line()[: self.column]
            del self.rows[self.row + 1 :]

    def styled(self, codes):
        style = set(self.style)
        colour = lambda: {own for own in style if not own.startswith("c")}
        while codes:
            code = codes.pop(0)
            if code == 0:
                style = set()
            elif code == 1:
                style.add("bold")
            elif code == 2:
                style.add("dim")
            elif code == 22:
                style -= {"bold", "dim"}
            elif 30 <= code <= 37 or 90 <= code <= 97:
                style = colour()
                if code % 10 in range(1, 7):
                    style.add(f"c{code % 10}")
                elif code == 90:
                    style.add("dim")
            elif code == 38 and codes[:1] == [5]:
                style = colour()
                if codes[1] in range(1, 7):
                    style.add(f"c{codes[1]}")
                elif codes[1] in range(9, 15):
                    style.add(f"c{codes[1] - 8}")
                codes = codes[2:]
            elif code == 39:
                style = colour()
        self.style = tuple(sorted(style))

    def seen(self):
        """Gives each row as runs of one style: (column, style, text)."""
        rows = []
        for line in self.rows:
            runs = []
            for column, (char, style) in enumerate(line):
                if runs and runs[-1][1] == style:
                    runs[-1][2] += char
                else:
                    runs.append([column, style, char])
            rows.append(tuple((at, style, text) for at, style, text in runs if text.strip()))
        while rows and not rows[-1]:
            rows.pop()
        return rows


def record(folder, command, screen, start):
    """Runs the command in a terminal; gives what was seen and when."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(ROWS))
        os.environ.pop("NO_COLOR", None)
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    begun, looked, moments = time.monotonic(), 0.0, []
    while True:
        ready = select.select([terminal], [], [], LOOK)[0]
        if ready:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                break
            screen.feed(decode(chunk))
        now = time.monotonic() - begun
        if now - looked >= LOOK:
            looked = now
            moments.append((start + now, screen.seen()))
    os.waitpid(child, 0)
    moments.append((start + time.monotonic() - begun, screen.seen()))
    return moments


def typed(command, screen, start):
    """Types the command behind a prompt."""
    moments = []
    screen.style = ("dim",)
    screen.feed("$ ")
    screen.style = ("bold",)
    now = start + 0.6
    for char in " ".join(command):
        screen.feed(char)
        moments.append((now, screen.seen()))
        now += TYPING
    screen.style = ()
    screen.feed("\r\n")
    return moments, now + 0.3


def spans(moments):
    """Gives each row that was ever seen, from when to when; no end means that it stays."""
    found, shown = [], {}
    for now, rows in moments:
        for at in range(max(len(rows), max(shown, default=-1) + 1)):
            row = rows[at] if at < len(rows) else ()
            if shown.get(at, ((), 0))[0] == row:
                continue
            if at in shown and shown[at][0]:
                found.append((at, shown[at][0], shown[at][1], now))
            shown[at] = (row, now)
    found += [(at, row, since, None) for at, (row, since) in shown.items() if row]
    return sorted(found, key=lambda span: (span[0], span[2]))


def draw(moments):
    rows = max(len(rows) for _, rows in moments)
    width, height = COLUMNS * CELL + 2 * MARGIN, rows * LINE + 2 * MARGIN + 22
    sheet = lambda which: "".join(
        f".{name}{{fill:{pair[which]}}}" for name, pair in COLOURS.items()
    )
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="mlp in a terminal">',
        "<style>text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',"
        f"monospace;white-space:pre}}.bold{{font-weight:600}}{sheet(0)}"
        f"@media (prefers-color-scheme:dark){{{sheet(1)}}}</style>",
        f'<rect class="edge" width="{width:g}" height="{height:g}" rx="9"/>',
        f'<rect class="paper" x="1" y="1" width="{width - 2:g}" height="{height - 2:g}" rx="8"/>',
    ]
    out += [f'<circle class="edge" cx="{20 + 16 * at}" cy="18" r="5"/>' for at in range(3)]
    for at, row, since, until in spans(moments):
        y = MARGIN + 22 + LINE * at + 13
        if until is None:
            out.append(f'<g><set attributeName="visibility" to="hidden" end="{since:.2f}s"/>')
        else:
            out.append(
                f'<g visibility="hidden"><set attributeName="visibility" to="visible" '
                f'begin="{since:.2f}s" end="{until:.2f}s"/>'
            )
        for column, style, text in row:
            left = len(text) - len(text.lstrip())
            text, x = text.strip(), MARGIN + (column + left) * CELL
            colour = next((own for own in style if own != "bold"), "ink")
            classes = f"{colour} bold" if "bold" in style else colour
            out.append(
                f'<text class="{classes}" x="{x:g}" y="{y:g}" textLength="{len(text) * CELL:g}" '
                f'lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>'
            )
        out.append("</g>")
    return "\n".join(out) + "\n</svg>\n"


def main():
    target, folder, *rest = sys.argv[1:]
    assert rest[:1] == ["--"], __doc__
    screen, moments, start = Screen(), [], 0.0
    for command in " ".join(rest[1:]).split(" -- "):
        if moments:
            screen.feed("\r\n")
        seen, start = typed(command.split(), screen, start)
        moments += seen + record(folder, command.split(), screen, start)
        start = moments[-1][0] + PAUSE
    with open(target, "w", encoding="utf-8") as file:
        file.write(draw(moments))


main()
