from tests.support.shell import effects, facts


def test_writes_outside_and_later():
    assert effects("touch /srv/x") == {"write_outside"}
    assert effects("touch x") == set()
    assert "persistence" in effects("echo x >> ~/.bashrc")
    assert "persistence" in effects("cp x .git/hooks/pre-commit")
    assert "destructive" in effects("cat x > /dev/sda")
    assert "network" in effects("echo x > /dev/tcp/host/80")


def test_a_program_elsewhere_reads_that_place():
    assert "/tmp" in facts("cd /tmp && git status").reads
