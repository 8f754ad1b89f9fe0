#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs cmake/install-dependencies.sh against stand-ins for apt-get, dpkg-query, id and sudo that note their calls."""
import os
import pathlib
import pty
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "cmake" / "install-dependencies.sh"
TOOLS = ["bash", "env", "cat", "grep"]


class Machine:
    """A folder of stand-ins that is the whole PATH."""

    def __init__(self, folder, installed, user=0, sudo=True, apt=True, update_works=True, install_works=True):
        self.bin = pathlib.Path(folder)
        self.log = self.bin / "log"
        self.log.write_text("")
        for tool in TOOLS:
            source = next(pathlib.Path(place) / tool for place in ("/bin", "/usr/bin")
                          if (pathlib.Path(place) / tool).exists())
            (self.bin / tool).symlink_to(source)
        self.tool("id", f"echo {user}")
        self.tool("dpkg-query", f'for last; do :; done\ncase " {" ".join(installed)} " in\n'
                                '*" $last "*) echo -n installed ;; *) exit 1 ;; esac')
        if sudo:
            self.tool("sudo", f'echo "sudo $*" >> {self.log}\nwhile [ "$1" = -n ]; do shift; done\nexec "$@"')
        if apt:
            fail_update, fail_install = int(not update_works), int(not install_works)
            self.tool("apt-get", f'echo "apt-get $*" >> {self.log}\ncase "$*" in *" update"*) exit {fail_update} ;; '
                                 f'*" install "*) exit {fail_install} ;; esac')

    def tool(self, name, body):
        path = self.bin / name
        path.write_text(f"#!{self.bin}/bash\n{body}\n")
        path.chmod(0o755)

    def run(self, *options, **environment):
        done = subprocess.run(["bash", str(SCRIPT), *options], env={"PATH": str(self.bin), **environment}, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr, self.log.read_text()

    def run_at_terminal(self, answer):
        parent, child = pty.openpty()
        os.write(parent, answer.encode())
        process = subprocess.Popen(["bash", str(SCRIPT)], env={"PATH": str(self.bin)}, stdin=child, stdout=child,
                                   stderr=child)
        os.close(child)
        output = b""
        try:
            while chunk := os.read(parent, 4096):
                output += chunk
        except OSError:  # the other end is closed
            pass
        os.close(parent)
        return process.wait(), output.decode(), self.log.read_text()


class InstallDependencies(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        listed = subprocess.run(["bash", str(SCRIPT), "--list"], text=True, capture_output=True, check=True)
        self.packages = listed.stdout.split()

    def test_nothing_is_called_where_everything_is_there(self):
        status, _, log = Machine(self.folder, self.packages, user=1000, sudo=False).run()
        self.assertEqual((status, log), (0, ""))

    def test_a_missing_cuda_toolkit_is_said(self):
        machine = Machine(self.folder, self.packages)
        toolkit = pathlib.Path(self.folder) / "toolkit"
        self.assertIn("No CUDA toolkit", machine.run(CUDA_PATH=str(toolkit))[1])
        (toolkit / "bin").mkdir(parents=True)
        (toolkit / "bin" / "nvcc").touch(mode=0o755)
        self.assertNotIn("CUDA", machine.run(CUDA_PATH=str(toolkit))[1])

    def test_only_what_is_missing_is_installed_after_an_update(self):
        installed = [package for package in self.packages if package not in ("cmake", "libfmt-dev")]
        status, _, log = Machine(self.folder, installed).run()
        self.assertEqual(status, 0)
        update, install = log.splitlines()
        self.assertTrue(update.endswith(" update"), update)
        self.assertTrue(install.endswith(" install --yes --no-install-recommends cmake libfmt-dev"), install)

    def test_an_update_that_fails_is_said_and_does_not_stop(self):
        status, output, log = Machine(self.folder, [], update_works=False).run("--yes")
        self.assertEqual(status, 0)
        self.assertIn("apt-get update reported errors", output)
        self.assertIn(" install ", log)

    def test_an_installation_that_fails_is_an_error(self):
        status, output, _ = Machine(self.folder, [], install_works=False).run("--yes")
        self.assertEqual(status, 4)
        self.assertIn("could not install", output)

    def test_without_root_it_uses_sudo_and_asks_no_password_where_nobody_is(self):
        status, _, log = Machine(self.folder, [], user=1000).run("--yes")
        self.assertEqual(status, 0)
        self.assertIn("sudo -n env", log)

    def test_without_root_and_sudo_it_says_what_to_run(self):
        status, output, log = Machine(self.folder, [], user=1000, sudo=False).run("--yes")
        self.assertEqual((status, log), (4, ""))
        self.assertIn("apt-get install g++", output)

    def test_elsewhere_than_on_debian_it_lists_what_is_needed(self):
        status, output, _ = Machine(self.folder, [], apt=False).run()
        self.assertEqual(status, 4)
        self.assertIn("not Debian or Ubuntu", output)
        self.assertIn("libdnnl-dev", output)

    def test_an_unknown_option_is_wrong_usage(self):
        status, output, log = Machine(self.folder, []).run("--force")
        self.assertEqual((status, log), (2, ""))
        self.assertIn("--force", output)

    def test_a_person_at_the_terminal_is_asked_and_may_decline(self):
        status, output, log = Machine(self.folder, []).run_at_terminal("n\n")
        self.assertEqual((status, log), (4, ""))
        self.assertIn("Install them", output)

    def test_a_person_at_the_terminal_may_accept(self):
        status, _, log = Machine(self.folder, []).run_at_terminal("\n")
        self.assertEqual(status, 0)
        self.assertIn(" install ", log)


if __name__ == "__main__":
    unittest.main()
