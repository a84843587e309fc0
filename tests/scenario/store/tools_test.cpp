// SPDX-License-Identifier: Apache-2.0
// Debian's own xenstore tools and python3-pyxs, and our client, against the socket server; and its
// death by SIGKILL.
#include "fakes/patience.hpp"

#include <xenpp/store/client.hpp>
#include <xenpp/store/service.hpp>

#include <fmt/format.h>

#include <fakes/store_client_laws.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

using namespace xenpp;
using namespace xenpp::store;

namespace {

struct no_rings final : guest_rings {
    abi::xenstore_domain_interface* map(domain_info const&) override { return &page; }

    void unmap(domid) override {}

    void notify(domid) override {}

    abi::xenstore_domain_interface page{};
};

struct folder {
    folder() {
        char name[] = "/tmp/xenpp-store-XXXXXX";
        path = ::mkdtemp(name);
    }

    ~folder() {
        ::unlink((path + "/journal").c_str());
        ::unlink((path + "/socket").c_str());
        ::rmdir(path.c_str());
    }

    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;

    std::string path;
};

service_options options_in(folder const& f) {
    return {f.path + "/journal", f.path + "/socket", {}};
}

/// Serves in a thread of its own; nobody else touches the service.
class running_service {
public:
    running_service() : service_(service::open(options_in(where), rings_).value()) {
        thread_ = std::thread([this] {
            while (!is_over_) {
                pollfd waiting{service_->event_fd(), POLLIN, 0};
                ::poll(&waiting, 1, 20);
                service_->dispatch().value();
            }
        });
    }

    ~running_service() {
        is_over_ = true;
        thread_.join();
    }

    running_service(running_service const&) = delete;
    running_service& operator=(running_service const&) = delete;

    std::string socket() const { return where.path + "/socket"; }

    folder where;

private:
    no_rings rings_;
    std::unique_ptr<service> service_;
    std::atomic<bool> is_over_ = false;
    std::thread thread_;
};

struct outcome {
    int status;
    std::string output;
};

/// A shell command with the tools pointed at `s`.
outcome shell(running_service const& s, std::string const& command) {
    auto const line = "export XENSTORED_PATH=" + s.socket() + "; " + command + " 2>&1";
    auto* const pipe = ::popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    outcome out{0, {}};
    char buffer[4096];
    while (auto const n = std::fread(buffer, 1, sizeof buffer, pipe)) {
        out.output.append(buffer, n);
    }
    auto const status = ::pclose(pipe);
    out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return out;
}

std::string ok(running_service const& s, std::string const& command) {
    auto const got = shell(s, command);
    INFO(command << "\n" << got.output);
    CHECK(got.status == 0);
    return got.output;
}

} // namespace

TEST_CASE("tools.debians_xenstore_utils_work") {
    running_service s;
    for (auto const* tool : {"ls", "write", "read", "watch", "chmod", "exists", "rm", "list"}) {
        INFO("package xenstore-utils is needed: xenstore-" << tool);
        REQUIRE(shell(s, fmt::format("command -v xenstore-{}", tool)).status == 0);
    }
    CHECK(ok(s, "xenstore-write /a/b one /a/c 'two words' /a/d/e ''").empty());
    CHECK(ok(s, "xenstore-read /a/b") == "one\n");
    CHECK(ok(s, "xenstore-read -p /a/b /a/c") == "/a/b: one\n/a/c: two words\n");
    CHECK(ok(s, "xenstore-list /a") == "b\nc\nd\n");
    CHECK(ok(s, "xenstore-list -p /a/d") == "/a/d/e\n");
    CHECK(ok(s, "xenstore-exists /a/b").empty());
    CHECK(shell(s, "xenstore-exists /a/none").status == 1);
    CHECK(shell(s, "xenstore-read /a/none").status == 1);
    CHECK(ok(s, "xenstore-chmod /a/b n0 r5 w6").empty());
    CHECK(ok(s, "xenstore-chmod -r /a/d b3").empty());
    CHECK(ok(s, "xenstore-ls -f -p /a") == "/a/b = \"one\"   (n0,r5,w6)\n"
                                           "/a/c = \"two words\"   (n0)\n"
                                           "/a/d = \"\"   (b3)\n"
                                           "/a/d/e = \"\"   (b3)\n");
    CHECK(ok(s, "xenstore-ls /a") == "b = \"one\"\nc = \"two words\"\nd = \"\"\n e = \"\"\n");
    CHECK(ok(s, "xenstore-rm /a/b").empty());
    CHECK(shell(s, "xenstore-rm /x/y").status == 1);
    CHECK(ok(s, "xenstore-list /a") == "c\nd\n");
    CHECK(ok(s, "for i in $(seq 1000 1500); do echo /many/n$i v$i; done | xargs xenstore-write; "
                "xenstore-list /many | wc -l") == "501\n");
    CHECK(ok(s, "xenstore-ls /many | tail -1") == "n1500 = \"v1500\"\n");
}

TEST_CASE("tools.xenstore_watch_sees_changes_of_others") {
    running_service s;
    auto const got =
        ok(s, fmt::format("out=$(mktemp); timeout {} xenstore-watch -n 3 /w > $out & watcher=$!; "
                          "while [ ! -s $out ] && kill -0 $watcher; do sleep 0.05; done; "
                          "xenstore-write /w/1 x; xenstore-rm /w; wait $watcher; "
                          "code=$?; cat $out; rm $out; exit $code",
                          fakes::patience_s));
    CHECK(got == "/w\n/w/1\n/w\n");
}

TEST_CASE("tools.pyxs_works") {
    running_service s;
    {
        INFO("package python3-pyxs is needed");
        REQUIRE(shell(s, "/usr/bin/python3 -c 'import pyxs'").status == 0);
    }
    constexpr auto script = R"(
import os, pyxs
with pyxs.Client(unix_socket_path=os.environ["XENSTORED_PATH"]) as c:
    c[b"/p/x"] = b"1"
    assert c[b"/p/x"] == b"1"
    assert c.exists(b"/p/x") and not c.exists(b"/p/y")
    c.mkdir(b"/p/d")
    assert sorted(c.list(b"/p")) == [b"d", b"x"], c.list(b"/p")
    c.set_perms(b"/p/x", [b"n0", b"r7"])
    assert c.get_perms(b"/p/x") == [b"n0", b"r7"]
    assert c.get_domain_path(3) == b"/local/domain/3"
    assert not c.is_domain_introduced(3)
    tx = c.transaction()
    c[b"/p/x"] = b"2"
    assert c.commit()
    assert c.read(b"/p/x") == b"2"
    with c.monitor() as m:
        m.watch(b"/p", b"tok")
        assert next(m.wait()) == (b"/p", b"tok")
        c.write(b"/p/z", b"")
        assert next(m.wait()) == (b"/p/z", b"tok")
        m.unwatch(b"/p", b"tok")
    c.delete(b"/p")
    try:
        c.read(b"/p/x")
        raise SystemExit("read a deleted node")
    except pyxs.PyXSError as e:
        assert e.args[0] == 2, e
print("fine")
)";
    CHECK(ok(s, fmt::format("timeout {} /usr/bin/python3 - <<'END'\n{}\nEND\n", fakes::patience_s,
                            script)) == "fine\n");
}

TEST_CASE("socket.our_client_over_it") {
    running_service s;
    fakes::check_client_laws([&] { return client::open(s.socket()).value(); });
}

TEST_CASE("socket.a_peer_that_talks_nonsense_is_disconnected_and_others_are_served") {
    running_service s;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    s.socket().copy(address.sun_path, sizeof address.sun_path - 1);
    int const fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    std::string const nonsense(64, '\xff');
    REQUIRE(::write(fd, nonsense.data(), nonsense.size()) == 64);
    char c = 0;
    CHECK(::read(fd, &c, 1) <= 0);
    ::close(fd);
    CHECK(client::open(s.socket()).value().exists("/").value());
}

TEST_CASE("socket.a_peer_that_sends_and_never_reads_gets_all_its_replies_in_the_end") {
    running_service s;
    auto tools = client::open(s.socket()).value();
    tools.write("/v", std::string(4000, 'v')).value();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    s.socket().copy(address.sun_path, sizeof address.sun_path - 1);
    int const fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    auto const request = encode({op::read, 1, 0, std::string("/v\0", 3)});
    auto const ask = [&](int flags) {
        return ::send(fd, request.data(), request.size(), MSG_NOSIGNAL | flags) ==
               static_cast<ssize_t>(request.size());
    };
    constexpr std::size_t count = 2000;
    std::size_t sent = 0;
    // It is blocked when the server serves others and takes nothing from it.
    for (int refusals = 0; sent < count && refusals < 3;) {
        if (ask(MSG_DONTWAIT)) {
            ++sent;
            refusals = 0;
        } else {
            ++refusals;
            CHECK(tools.read("/v").value().size() == 4000);
        }
    }
    CHECK(sent < count);
    std::thread writer([&] {
        while (sent < count && ask(0)) {
            ++sent;
        }
    });
    std::size_t total = 0;
    std::string buffer(65536, '\0');
    while (total < count * 4016) {
        auto const n = ::read(fd, buffer.data(), buffer.size());
        REQUIRE(n > 0);
        total += static_cast<std::size_t>(n);
    }
    writer.join();
    ::close(fd);
    CHECK(sent == count);
    CHECK(total == count * 4016);
}

namespace {

/// A daemon in a process of its own, to be killed.
pid_t start_daemon(folder const& f) {
    auto const pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test leaves nobody behind
        no_rings rings;
        auto s = service::open(options_in(f), rings);
        while (s) {
            pollfd waiting{(*s)->event_fd(), POLLIN, 0};
            ::poll(&waiting, 1, -1);
            if (!(*s)->dispatch()) {
                break;
            }
        }
        ::_exit(1);
    }
    return pid;
}

client reconnect(folder const& f) {
    constexpr int pause_ms = 10;
    for (int i = 0; i < fakes::patience_ms / pause_ms; ++i) {
        if (auto c = client::open(f.path + "/socket")) {
            return std::move(*c);
        }
        ::usleep(pause_ms * 1000);
    }
    return client::open(f.path + "/socket").value();
}

} // namespace

TEST_CASE("service.killed_at_random_moments_it_loses_nothing_that_was_answered") {
    folder f;
    constexpr unsigned lives = 25;
    unsigned last = 0;
    for (unsigned life = 1; life <= lives; ++life) {
        auto const pid = start_daemon(f);
        REQUIRE(pid > 0);
        auto c = reconnect(f);
        if (last != 0) {
            auto const found = static_cast<unsigned>(std::stoul(c.read("/n").value()));
            // The one that was asked for and not answered may have happened or not.
            CHECK((found == last || found == last + 1));
            CHECK(c.directory("/log").value().size() == found);
        }
        // Somewhere in the transactions that follow the n-th of the n-th life.
        std::atomic<unsigned> answered = 0;
        std::thread killer([pid, life, &answered] {
            for (unsigned n = 0; n < life; n = answered) {
                answered.wait(n);
            }
            ::usleep(life * 97 % 500);
            ::kill(pid, SIGKILL);
        });
        for (;;) {
            auto const next = last + 1;
            auto const done = c.transact([&](client_transaction& t) -> result<void> {
                XENPP_TRY(t.write("/n", std::to_string(next)));
                return t.mkdir("/log/" + std::to_string(next));
            });
            if (!done) {
                break;
            }
            last = next;
            ++answered;
            answered.notify_one();
        }
        CHECK(answered >= life);
        answered = life; // if it died of something else
        answered.notify_one();
        killer.join();
        ::waitpid(pid, nullptr, 0);
        // What the dying daemon did without answering counts as done.
        no_rings rings;
        auto s = service::open({f.path + "/journal", {}, {}}, rings).value();
        if (auto const* n = s->core().nodes().find("/n")) {
            auto const found = static_cast<unsigned>(std::stoul(std::string(n->value)));
            CHECK((found == last || found == last + 1));
            last = found;
        }
    }
    CHECK(last >= lives * (lives + 1) / 2);
}
