"""Programs that speak to other machines. curl 8.11, wget 1.25, OpenSSH 9.9."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, program
from policies.shell.options import host_of, remote
from policies.shell.words import Field

_DESTROYS = re.compile(r"_delete_by_query|_forcemerge|doDelete|/delete(?:\b|/)|[?&](?:action|method|_method)=(?:delete|remove)|doWipeOut|/_close\b|/purge\b", re.I)


def _curl(call: Invocation) -> None:
    urls = [*call.operands, *call.values.get("--url", [])]
    call.effect("network")
    method = (call.value("-X", "--request") or "").upper()
    for item in urls:
        _url(call, item)
        if item.value is not None and _DESTROYS.search(item.value) and method != "GET":
            call.effect("destructive")
    if method == "DELETE":
        call.effect("destructive")
    if call.has("-O", "--remote-name", "--remote-name-all", "-J", "--remote-header-name"):
        call.write(*(call.values.get("--output-dir") or [Field(".")]))
    for name in ("-F", "--form"):
        for item in call.values.get(name, []):
            found = re.search(r"=[@<]([^;,]+)", item.value or "")
            if found:
                call.read(found[1])
    if method in {"POST", "PUT", "PATCH"} or call.has(*_SENDING):
        _sends(call)


_SENDING = ("-d", "--data", "--data-binary", "--data-raw", "--data-urlencode", "--data-ascii", "--json", "-F", "--form", "-T", "--upload-file")


def _sends(call: Invocation) -> None:
    """Bodies that delete are seen by their words."""
    for name in _SENDING:
        for item in call.values.get(name, []):
            if item.value and re.search(r"(?i)\bDROP\s+(?:TABLE|DATABASE)|\bTRUNCATE\s|\"delete(?:Index)?\"\s*:", item.value):
                call.effect("destructive")


def _url(call: Invocation, item: Field) -> None:
    text = item.value
    if text is None:
        call.doubt(item.why or "a URL is not known")
        found = re.match(r"[a-z]+://[^$]*$|[a-z]+://([\w.-]+)/", item.rough)
        if found and found[1]:
            call.host(found[1])
    elif text.lower().startswith("file:"):
        call.read(re.sub(r"(?i)^file:(?://[^/]*)?", "", text))
    elif any(char in host_of(text) for char in "{[*"):
        call.doubt("a URL pattern")
        call.host(host_of(text))
    else:
        call.host(host_of(text))


def _wget(call: Invocation) -> None:
    call.effect("network")
    for item in call.operands:
        _url(call, item)
    if not call.has("--spider") and (call.value("-O", "--output-document") or "") != "-" and not call.has("-O", "--output-document"):
        folder = call.values.get("-P") or call.values.get("--directory-prefix") or [Field(".")]
        call.write(*folder)
    if (call.value("--method") or "").upper() == "DELETE":
        call.effect("destructive")


def _httpie(call: Invocation) -> None:
    call.effect("network")
    items = list(call.operands)
    method = "GET"
    if items and (items[0].value or "").isupper():
        method = items.pop(0).value or ""
    for item in items[:1]:
        _url(call, item)
    for item in items[1:]:
        found = re.search(r"(?:@|=@|:=@)(.+)", item.value or "")
        if found:
            call.read(found[1])
    if method == "DELETE":
        call.effect("destructive")


def _ssh(call: Invocation) -> None:
    """What runs on the other machine is judged as if it ran here: its paths are of another place."""
    call.effect("network")
    for item in call.values.get("-o", []):
        if re.match(r"(?i)(?:proxycommand|localcommand|permitlocalcommand|knownhostscommand|match)\b", item.value or ""):
            call.effect("exec_data")
            call.doubt("an ssh setting that runs a program")
            call.run.text(call, (item.value or "").partition("=")[2] or None, "ssh")
    if not call.operands:
        return
    target, rest = call.operands[0], call.operands[1:]
    if target.value is not None:
        call.host(host_of(target.value))
    if rest:
        call.effect("exec_data")
        words = [item.value if item.value is not None else item.rough for item in rest]
        known = all(item.value is not None for item in rest)
        call.quiet = True
        call.run.text(call, " ".join(words) if known else None, "ssh", " ".join(words))
    elif call.stdin is None or call.stdin:
        call.effect("exec_data")
        call.run.text(call, call.stdin, "ssh", call.rough)


def _scp(call: Invocation) -> None:
    call.effect("network")
    for item in call.operands[:-1]:
        if item.value is None or not remote(call, item.value):
            call.read(item)
    for item in call.operands[-1:]:
        if item.value is None or not remote(call, item.value):
            call.write(item)


def _nc(call: Invocation) -> None:
    call.effect("network")
    if call.operands:
        port = call.operands[1].value if len(call.operands) > 1 else None
        host = call.operands[0].value or ""
        call.host(f"{host}:{port}" if port else host)
    if call.has("-e", "-c", "--exec", "--sh-exec"):
        call.effect("exec_data")


def _socat(call: Invocation) -> None:
    call.effect("network")
    for text in call.texts():
        kind, _, rest = text.partition(":")
        if kind.upper() in {"EXEC", "SYSTEM", "SHELL"}:
            call.effect("exec_data")
            call.run.text(call, rest.split(",")[0] or None, "socat")
        elif kind.upper() in {"FILE", "OPEN", "CREATE", "GOPEN", "PIPE"}:
            call.write(rest.split(",")[0])
        elif ":" in rest:
            call.host(rest.split(",")[0].lower())


def _host_first(call: Invocation) -> None:
    call.effect("network")
    for item in call.operands[:1]:
        if item.value:
            call.host(host_of(item.value))


def _dns(call: Invocation) -> None:
    """A name that is looked up leaves the machine with whatever stands in it (CVE-2025-55284)."""
    call.effect("network")
    for text in call.texts():
        if "." in text or "@" in text:
            call.host(text.lstrip("@").lower())


def _mail(call: Invocation) -> None:
    call.effect("network", "publish")
    for name in ("-a", "-A"):
        call.read(*call.values.get(name, []))


def _rclone(call: Invocation) -> None:
    call.effect("network")
    if call.subcommand in {"delete", "deletefile", "purge", "rmdir", "rmdirs", "move", "moveto", "cleanup", "dedupe", "sync", "bisync"} and not call.has("--dry-run", "-n"):
        call.effect("destructive")
    for item in call.operands:
        if item.value and ":" not in item.value:
            (call.write if item is call.operands[-1] and len(call.operands) > 1 else call.read)(item)


PROGRAMS = (
    program(
        "curl",
        "=: -A -e -H -m -r -u -w -x -X -y -Y -z -C --user-agent --referer --header --max-time --range --user --write-out --request "
        "--connect-timeout --retry --retry-delay --retry-max-time --limit-rate --max-redirs --resolve --interface --ciphers --data-raw "
        "--continue-at --proto --proto-redir --proxy-user --oauth2-bearer --aws-sigv4 --max-filesize --keepalive-time --tls-max --ftp-port "
        "--url-query --rate --variable --expand-url --proxy-header --noproxy --local-port --dns-servers --doh-url --preproxy --socks5-hostname\n"
        "=@: -d --data --data-binary --data-ascii --data-urlencode --json\n=: -F --form --form-string\n"
        "=r: -T --upload-file -K --config -E --cert --key --cacert --capath --netrc-file --pubkey -b --cookie\n"
        "=w: -o --output -c --cookie-jar -D --dump-header --stderr --trace --trace-ascii --etag-save --libcurl --hsts --alt-svc --output-dir\n"
        "=r: --etag-compare\n=h: -x --proxy --socks5 --socks4 --unix-socket --connect-to\n=: --url -t --telnet-option -Q --quote -P\n"
        ": -0 -1 -2 -3 -4 -6 -a -B -f -g -G -i -I -j -J -k -l -L -M -n -N -O -p -q -R -s -S -v -V -Z -# --fail --fail-with-body --get --head "
        "--include --insecure --location --location-trusted --silent --show-error --verbose --compressed --http1.0 --http1.1 --http2 --http3 "
        "--remote-name --remote-name-all --remote-header-name --create-dirs --no-progress-meter --progress-bar --ipv4 --ipv6 --netrc "
        "--netrc-optional --tlsv1.2 --tlsv1.3 --retry-connrefused --retry-all-errors --no-buffer --path-as-is --globoff --no-keepalive "
        "--tcp-nodelay --ssl-reqd --digest --basic --ntlm --negotiate --anyauth --raw --disable --parallel --styled-output --manual --append "
        "--list-only --no-clobber --remove-on-error --http2-prior-knowledge --post301 --post302 --proxy-insecure --trace-time",
        strict=True,
        special=_curl,
    ),
    program(
        "wget wget2",
        "=w: -O --output-document -o --output-file -a --append-output -P --directory-prefix --save-cookies --warc-file\n"
        "=r: -i --input-file --load-cookies --post-file --body-file --ca-certificate --certificate --private-key --config\n"
        "=: -A -D -e -I -l -Q -R -t -T -U -w -X --accept --reject --tries --timeout --user-agent --wait --header --user --password --method "
        "--post-data --body-data --level --domains --limit-rate --quota --referer --max-redirect --cut-dirs --execute --bind-address --base -B\n"
        "=x: --use-askpass\n: -4 -6 -b -c -d -E -F -H -h -K -k -L -m -N -nc -nd -nH -np -nv -p -q -r -S -V -v -x --quiet --verbose --no-verbose "
        "--continue --timestamping --recursive --mirror --page-requisites --convert-links --adjust-extension --no-parent --no-check-certificate "
        "--spider --no-clobber --show-progress --background --server-response --no-cache --https-only --content-disposition --span-hosts "
        "--no-host-directories --no-directories --trust-server-names --no-cookies",
        strict=True,
        special=_wget,
    ),
    program("http https xh xhs httpie", "=: -a -A --auth --auth-type --session --timeout --verify --proxy --style -s --print -p\n=w: -o --output\n: -v -b -h -f -j -d -F -I", special=_httpie),
    program("aria2c axel lftp ncftp ftp tftp sftp gopher lynx links w3m elinks youtube-dl yt-dlp", style="loose", effects="network", special=_host_first),
    program(
        "ssh autossh mosh dbclient slogin",
        "=: -B -b -c -D -e -I -J -L -l -m -O -o -p -Q -R -S -W -w\n=r: -F -i\n=w: -E\n: -4 -6 -A -a -C -f -G -g -K -k -M -N -n -q -s -T -t -V -v -X -x -Y -y",
        stop=True,
        special=_ssh,
    ),
    program("scp", "=: -c -J -l -o -P -X -D\n=r: -F -i\n=x: -S\n: -3 -4 -6 -A -B -C -O -p -q -R -r -s -T -v", special=_scp),
    program("ssh-keygen", "=w: -f\n=: -t -b -C -N -P -m -a -I -n -V -s -R -F -D -w -Y -O \n: -l -y -p -e -i -B -A -H -q", effects=""),
    program("ssh-copy-id ssh-add ssh-agent ssh-keyscan sshpass", style="loose", effects="network exec_data", doubt="keys are used or handed out"),
    program("nc ncat netcat", "=x: -e -c --exec --sh-exec\n=: -i -p -q -s -w -x -X -I -O -T -g -G -m --proxy\n: -4 -6 -b -d -h -k -l -n -N -r -S -t -U -u -v -z -Z -D --listen --ssl --udp -L", special=_nc),
    program("socat", style="loose", special=_socat),
    program("telnet ping ping6 traceroute traceroute6 tracepath mtr nmap masscan hping3 grpcurl websocat wscat ab wrk hey k6 siege iperf iperf3 snmpwalk rpcinfo smbclient redis-benchmark", style="loose", special=_host_first),
    program("dig nslookup host drill resolvectl systemd-resolve whois kdig delv", style="loose", special=_dns),
    program("mail mailx sendmail mutt msmtp swaks", "=: -s -c -b -r -u -t -f\n=r: -a -A", special=_mail),
    program("rclone", "=: --exclude --include --transfers --checkers --config --log-level\n: -v -n -P --dry-run --progress", subs={"*": program("", "=: --exclude --include --transfers --checkers --config --log-level\n: -v -n -P -i --dry-run --progress --delete-before --delete-during --delete-after --delete-excluded", special=_rclone)}),
    program("ip ifconfig route arp netstat ss iwconfig nmcli ethtool", style="loose"),
    program("iptables ip6tables nft ufw firewall-cmd pfctl tc brctl wg wg-quick openvpn tailscale", style="loose", effects="privilege", special=lambda call: _firewall(call)),
    program("ngrok cloudflared localtunnel lt bore serveo frpc chisel", style="loose", effects="network publish"),
    program("tcpdump tshark wireshark dumpcap", "=w: -w\n=r: -r -F\n=x: -z\n=: -i -c -s -C -G", effects="privilege"),
)


def _firewall(call: Invocation) -> None:
    if call.has("-F", "--flush", "-X", "-D", "--delete") or any(text in {"flush", "reset", "disable", "delete"} for text in call.texts()):
        call.effect("destructive")
