#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Options of `cordon run`: each does what its key does, twice, in both orders, and over a file."""
import re
import sys

from blackbox import SOURCE, case, cases, cordon, equal, main, run, true

COMMANDS = ("run", "check", "explain", "why", "learn", "policy", "bpf")


def shown(directory, *flags):
    result = cordon("policy", "show", *flags, cwd=directory)
    equal(result.status, 0, result)
    return result.out.decode()


LISTS = [
    ("--read", "/usr", "/etc"), ("-r", "/usr", "/etc"), ("--write", "/tmp", "/var/tmp"),
    ("-w", "/tmp", "/var/tmp"), ("--exec", "/usr", "/opt"), ("-x", "/usr", "/opt"),
    ("--deny", "/usr/share", "/usr/lib"), ("-d", "/usr/share", "/usr/lib"),
    ("--hide", "/usr/share", "/usr/lib"), ("--protect", "/usr/share", "/usr/lib"),
    ("--net-allow", "127.0.0.1:80", "127.0.0.1:81"), ("-n", "127.0.0.1:80", "127.0.0.1:81"),
    ("--net-deny", "10.0.0.1:80", "10.0.0.1:81"), ("--listen", "8080", "9090"),
    ("-l", "8080", "9090"), ("--unix-connect", "/run/a", "/run/b"),
    ("--env", "ALPHA", "BETA"), ("-e", "ALPHA", "BETA"),
]


@cases(LISTS)
def list_flag_twice(directory, flag, one, two):
    text = shown(directory, "-r", "/usr", flag, one, flag, two)
    true(one in text and two in text, text)
    text = shown(directory, flag, two, "-r", "/usr", flag, one)
    true(one in text and two in text, text)
    if flag.startswith("--"):
        text = shown(directory, "-r", "/usr", f"{flag}={one}")
        true(one in text, text)


SCALARS = [
    ("--timeout", "7m", "9m", r"wall: *(\S+)"), ("-t", "7m", "9m", r"wall: *(\S+)"),
    ("--cpu", "7s", "9s", r"cpu: *(\S+)"), ("--open-files", "70", "90", r"open_files: *(\S+)"),
    ("--file-size", "7M", "9M", r"file_size: *(\S+)"),
    ("--cwd", "/usr", "/etc", r"cwd: *(\S+)"), ("-C", "/usr", "/etc", r"cwd: *(\S+)"),
]


@cases(SCALARS)
def last_scalar_wins(directory, flag, one, two, pattern):
    for first, last in ((one, two), (two, one)):
        text = shown(directory, "-r", "/usr", flag, first, flag, last)
        equal(re.search(pattern, text).group(1).strip('"'), last, text)


@case
def flag_over_file_in_any_order(directory):
    (directory / "p.yaml").write_text("version: 1\nextends: [base]\nlimits: { wall: 5m }\n")
    for flags in (("-p", "p.yaml", "-t", "9m"), ("-t", "9m", "-p", "p.yaml")):
        text = shown(directory, *flags)
        equal(re.search(r"wall: *(\S+)", text).group(1).strip('"'), "9m", text)


@case
def flag_origin_is_the_command_line(directory):
    (directory / "a.txt").write_text("a")
    result = cordon("why", "-r", directory, "-d", f"{directory}/a.txt", "read", "a.txt",
                    cwd=directory)
    equal(result.out.decode(), f'denied read a.txt: filesystem.deny "{directory}/a.txt" '
          "(command line)\n")


@case
def switches(directory):
    text = shown(directory, "-r", "/usr", "--trace", "--trace", "--no-hint", "--no-supervisor",
                 "--env-inherit")
    for line in (r"trace: *\"?true", r"hint: *\"?null", r"supervisor: *\"?off",
                 r"env: *\"?inherit"):
        true(re.search(line, text), f"{line}\n{text}")


@cases([("-m", "1G"), ("-P", "10"), ("--memory", "1G"), ("--processes", "10")])
def a_flag_without_its_layer_is_refused(directory, *flag):
    result = run(*flag, "true", cwd=directory)
    if result.status != 0:
        equal(result.status, 125, result)
        equal(len(result.lines), 1, result)
        true("not supported by this version" in result.lines[0], result)


@case
def env_flags_reach_the_program(directory):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "ALPHA": "a", "BETA": "b"}
    result = run("-e", "ALPHA", "-e", "GAMMA=g=h", "env", cwd=directory, env=env)
    lines = result.out.decode().splitlines()
    true("ALPHA=a" in lines and "GAMMA=g=h" in lines, result)
    true(not any(line.startswith("BETA=") for line in lines), result)
    result = run("--env-inherit", "env", cwd=directory, env=env)
    true("BETA=b" in result.out.decode().splitlines(), result)


@case
def cwd_flag(directory):
    equal(run("-C", "/usr", "pwd", cwd=directory).out, b"/usr\n")
    equal(run("pwd", cwd=directory).out, f"{directory}\n".encode())


@case
def workspace_flag(directory):
    (directory / "w").mkdir()
    (directory / "outside").mkdir()
    script = "echo x > $0/file"
    result = run("-W", directory / "w", "sh", "-c", script, directory / "w", cwd=directory / "w")
    equal(result.status, 0, result)
    result = run("-W", directory / "w", "sh", "-c", script, directory / "outside",
                 cwd=directory / "w")
    true(result.status != 0, result)
    true(not (directory / "outside" / "file").exists())


@case
def options_end_at_the_program(directory):
    result = run("echo", "--help", "-p", "x", "--", cwd=directory)
    equal(result.out, b"--help -p x --\n", result)
    result = run("--", "echo", "--read", cwd=directory)
    equal(result.out, b"--read\n", result)


@case
def program_whose_name_is_an_option(directory):
    tool = directory / "bin" / "-x"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho tool \"$@\"\n")
    tool.chmod(0o755)
    result = run("-e", f"PATH={directory}/bin:/usr/bin:/bin", "--", "-x", "-y", cwd=directory)
    equal(result.out, b"tool -y\n", result)


@case
def no_hidden_shell(directory):
    result = run("echo $HOME; true", cwd=directory)
    equal(result.status, 127, result)
    equal(run("echo", "$HOME", "`id`", cwd=directory).out, b"$HOME `id`\n")


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


@case
def help_names_every_option(directory):
    table = set(re.findall(r'^\t\{ "([a-z-]+)", ', (SOURCE / "src/cli/opts.c").read_text(), re.M))
    true(len(table) > 25, table)
    result = cordon("run", "--help", cwd=directory)
    equal(result.status, 0, result)
    listed = options_of(result.out.decode())
    equal({name for name in table if f"--{name}" not in listed}, {"json"})


@case
def manual_page_names_every_option(directory):
    manual = (SOURCE / "docs/man/cordon.1.scd").read_text().replace("\\", "")
    for command in COMMANDS:
        result = cordon(command, "--help", cwd=directory)
        for option in options_of(result.out.decode()):
            true(option in manual, f"{command}: {option}")


@cases([(name,) for name in COMMANDS])
def help_of(directory, command):
    result = cordon(command, "--help", cwd=directory)
    equal(result.status, 0, result)
    equal(result.err, b"", result)
    true(result.out.startswith(f"Usage: cordon {command} ".encode()), result)


if __name__ == "__main__":
    sys.exit(main())
