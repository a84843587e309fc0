// SPDX-License-Identifier: Apache-2.0
// Descriptors, mappings, byte locks, futexes, sockets, processes.
#include "fakes/patience.hpp"

#include <xenpp/os/clock.hpp>
#include <xenpp/os/file.hpp>
#include <xenpp/os/futex.hpp>
#include <xenpp/os/mapping.hpp>
#include <xenpp/os/poller.hpp>
#include <xenpp/os/process.hpp>
#include <xenpp/os/unique_fd.hpp>
#include <xenpp/os/unix_socket.hpp>

#include <fakes/no_descriptors.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

using namespace xenpp;
using namespace xenpp::os;

namespace {

struct temporary_folder {
    temporary_folder() {
        std::string name = "/tmp/xenpp-os-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }

    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;

    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }

    std::string operator/(char const* name) const { return path + "/" + name; }

    std::string path;
};

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

/// Whether a thread of ours waits in the kernel.
bool is_asleep(pid_t thread) {
    auto const stat = read_file("/proc/self/task/" + std::to_string(thread) + "/stat").value();
    return stat.at(stat.rfind(')') + 2) == 'S';
}

} // namespace

TEST_CASE("unique_fd.closes_what_it_owns_once") {
    int const raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        unique_fd a(raw);
        unique_fd b(std::move(a));
        CHECK_FALSE(a);
        CHECK(b.get() == raw);
        a = std::move(b);
        CHECK(is_open(raw));
    }
    CHECK_FALSE(is_open(raw));
}

TEST_CASE("mapping.pieces_of_a_file_become_contiguous") {
    unique_fd const fd(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(::ftruncate(fd.get(), 8 * 4096) == 0);
    auto const whole = mapping::of_file(fd.get(), 0, 8 * 4096, access::read_write).value();
    for (std::size_t i = 0; i < 8; ++i) {
        whole.data()[i * 4096] = static_cast<std::byte>(i + 1);
    }
    auto pieces = mapping::reserve(3 * 4096).value();
    REQUIRE(pieces.place(0, fd.get(), 5 * 4096, 4096, access::read_only));
    REQUIRE(pieces.place(4096, fd.get(), 2 * 4096, 2 * 4096, access::read_write));
    CHECK(pieces.data()[0] == std::byte{6});
    CHECK(pieces.data()[4096] == std::byte{3});
    CHECK(pieces.data()[8192] == std::byte{4});
    pieces.data()[8192] = std::byte{99};
    CHECK(whole.data()[3 * 4096] == std::byte{99});
    CHECK_FALSE(pieces.place(2 * 4096, fd.get(), 0, 2 * 4096, access::read_only));
    CHECK_FALSE(pieces.place(~std::size_t{0} - 4095, fd.get(), 0, 8192, access::read_only));
}

TEST_CASE("mapping.an_address_that_is_taken_is_not_taken_over") {
    unique_fd const fd(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(::ftruncate(fd.get(), 4096) == 0);
    auto const there = mapping::anonymous(4096).value();
    there.data()[0] = std::byte{7};
    auto const r = mapping::of_file_at(reinterpret_cast<std::uintptr_t>(there.data()), fd.get(), 0,
                                       4096, access::read_write);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == EEXIST);
    CHECK(there.data()[0] == std::byte{7});
}

TEST_CASE("file.is_replaced_whole_and_read_within_bounds") {
    temporary_folder const f;
    REQUIRE(replace_file(f / "a", "one"));
    REQUIRE(replace_file(f / "a", "two and more"));
    CHECK(read_file(f / "a").value() == "two and more");
    CHECK_FALSE(read_file(f / "a", 5));
    CHECK(tail_of_file(f / "a", 4) == "more");
    CHECK(tail_of_file(f / "none", 4).empty());
    CHECK(read_file(f / "none").error().message().find(f / "none") != std::string::npos);
    CHECK_FALSE(replace_file(f / "no/folder", "x"));
    CHECK(std::distance(std::filesystem::directory_iterator(f.path), {}) == 1);
}

TEST_CASE("file.a_fifo_is_made_once") {
    temporary_folder const f;
    CHECK(make_fifo(f / "bell"));
    CHECK(make_fifo(f / "bell"));
    REQUIRE(replace_file(f / "plain", ""));
    CHECK(make_fifo(f / "plain").error().message().find("is no FIFO") != std::string::npos);
}

TEST_CASE("file.a_byte_is_locked_by_one_open_file_until_it_is_gone") {
    temporary_folder const f;
    auto a = open_file(f / "lock", O_RDWR | O_CREAT).value();
    auto const b = open_file(f / "lock", O_RDWR).value();
    CHECK(try_lock_byte(a.get(), 3).value());
    CHECK_FALSE(try_lock_byte(b.get(), 3).value());
    CHECK(is_byte_locked(b.get(), 3).value());
    CHECK_FALSE(is_byte_locked(a.get(), 3).value()); // its own
    CHECK_FALSE(is_byte_locked(b.get(), 4).value());
    CHECK(try_lock_byte(b.get(), 4).value());
    unlock_byte(a.get(), 3);
    CHECK(try_lock_byte(b.get(), 3).value());
    CHECK_FALSE(try_lock_byte(a.get(), 3).value());

    pid_t const child = ::fork();
    if (child == 0) {
        auto const c = open_file(f / "lock", O_RDWR);
        static_cast<void>(try_lock_byte(c->get(), 9));
        ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    CHECK(try_lock_byte(a.get(), 9).value());
}

TEST_CASE("futex.wakes_a_sleeper_and_does_not_sleep_on_another_value") {
    std::uint32_t word = 1;
    auto const begin = monotonic_ns();
    futex_wait(word, 2, fakes::patience_ns);
    futex_wait(word, 1, 1'000'000);
    CHECK(monotonic_ns() - begin >= 1'000'000);
    std::thread other([&word, sleeper = ::gettid()] {
        while (!is_asleep(sleeper)) {
            sleep_ns(1'000'000);
        }
        __atomic_store_n(&word, 2U, __ATOMIC_RELEASE);
        futex_wake(word);
    });
    while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 1) {
        futex_wait(word, 1, fakes::patience_ns);
    }
    other.join();
    CHECK(monotonic_ns() - begin < fakes::patience_ns); // nothing was waited for in vain
}

TEST_CASE("unix_socket.carries_packets_and_descriptors") {
    temporary_folder const f;
    auto const listener = listen_unix(f / "s", socket_kind::packet).value();
    CHECK_FALSE(accept_unix(listener.get()).value());
    auto const client = connect_unix(f / "s", socket_kind::packet).value();
    auto const server = accept_unix(listener.get()).value();
    REQUIRE(server);
    REQUIRE(replace_file(f / "x", "hello"));
    auto const file = open_file(f / "x", O_RDONLY).value();
    REQUIRE(send_descriptor(server.get(), file.get()));
    auto const got = receive_descriptor(client.get()).value();
    std::array<char, 8> text{};
    CHECK(::read(got.get(), text.data(), text.size()) == 5);
    CHECK(std::string(text.data()) == "hello");
    REQUIRE(::send(server.get(), "xy", 2, 0) == 2);
    CHECK_FALSE(receive_descriptor(client.get()));
    // A name that is left over is taken over.
    CHECK(listen_unix(f / "s", socket_kind::packet));
    CHECK(connect_unix(f / "none", socket_kind::packet).error().code == ENOENT);
    auto const long_name = listen_unix(f.path + "/" + std::string(200, 'a'), socket_kind::stream);
    REQUIRE_FALSE(long_name);
    CHECK(long_name.error().message().find("XENPP_STATE_DIR") != std::string::npos);
}

TEST_CASE("poller.sets_nest") {
    auto inner = poller::create().value();
    auto outer = poller::create().value();
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    unique_fd const in(ends[0]);
    unique_fd out(ends[1]);
    REQUIRE(inner.add(in.get(), 7));
    REQUIRE(outer.add(inner.fd(), 8));
    CHECK(outer.wait(0).empty());
    REQUIRE(::write(out.get(), "x", 1) == 1);
    REQUIRE(outer.wait(0).size() == 1);
    CHECK(outer.wait(0)[0].tag == 8);
    CHECK(inner.wait(0)[0].readable);
    char c = 0;
    REQUIRE(::read(in.get(), &c, 1) == 1);
    out.reset();
    CHECK(inner.wait(0)[0].readable); // the peer has closed
    inner.remove(in.get());
    CHECK(inner.wait(0).empty());
}

TEST_CASE("process.a_child_gets_nothing_but_its_log") {
    temporary_folder const f;
    int const leak = ::open("/dev/null", O_RDONLY); // NOLINT(android-cloexec-open): on purpose
    auto const p =
        spawn({{"sh", "-c", "ls /proc/self/fd; echo oops >&2; exit 3"}, f / "log", false}).value();
    CHECK(p.wait(fakes::patience_ms));
    CHECK_FALSE(p.is_running());
    ::close(leak);
    auto const log = read_file(f / "log").value();
    CHECK(log == "0\n1\n2\n3\noops\n"); // 3 is ls reading the folder
}

TEST_CASE("process.a_child_gets_the_descriptors_that_are_named") {
    temporary_folder const f;
    REQUIRE(replace_file(f / "one", "first "));
    REQUIRE(replace_file(f / "two", "second"));
    auto const one = open_file(f / "one", O_RDONLY).value();
    auto const two = open_file(f / "two", O_RDONLY).value();
    for (bool const detached : {false, true}) {
        auto const log = f / (detached ? "detached.log" : "log");
        auto const p = spawn({{"sh", "-c", "cat <&3; cat <&4; ls /proc/self/fd"},
                              log,
                              detached,
                              {two.get(), one.get()}})
                           .value();
        CHECK(p.wait(fakes::patience_ms));
        CHECK(read_file(log).value() == "secondfirst 0\n1\n2\n3\n4\n5\n"); // 5 is ls's
        REQUIRE(::lseek(one.get(), 0, SEEK_SET) == 0);
        REQUIRE(::lseek(two.get(), 0, SEEK_SET) == 0);
    }
}

TEST_CASE("process.a_detached_child_is_nobodys_child_and_in_its_own_session") {
    temporary_folder const f;
    auto const p = spawn({{"sleep", "100"}, {}, true}).value();
    CHECK(p.is_running());
    CHECK(::getsid(p.pid()) != ::getsid(0));
    CHECK(::waitpid(p.pid(), nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
    CHECK(p.program().find("sleep") != std::string::npos);
    CHECK(p.arguments().value() == std::vector<std::string>{"sleep", "100"});
    CHECK_FALSE(p.wait(0));
    REQUIRE(p.send_signal(SIGKILL));
    CHECK(p.wait(fakes::patience_ms));
    CHECK_FALSE(process::open(0));
}

TEST_CASE("process.what_cannot_be_started_is_named") {
    auto const none = spawn({{"xenpp-nonesuch"}, {}, false});
    REQUIRE_FALSE(none);
    CHECK(none.error().message().find("xenpp-nonesuch is not installed") != std::string::npos);
    temporary_folder const f;
    REQUIRE(replace_file(f / "text", "not a program"));
    REQUIRE(::chmod((f / "text").c_str(), 0700) == 0);
    for (bool const detached : {false, true}) {
        auto const bad = spawn({{f / "text"}, {}, detached});
        REQUIRE_FALSE(bad);
        CHECK(bad.error().code == ENOEXEC);
    }
    CHECK(find_program("sh").front() == '/');
    CHECK(find_program("/bin/sh") == "/bin/sh");
    CHECK(find_program("/bin/nonesuch").empty());
}

TEST_CASE("process.a_pid_file_is_one_number_on_one_line") {
    temporary_folder const folder;
    auto const path = folder / "pid";
    CHECK_FALSE(read_pid_file(path));
    auto const as = [&](std::string_view text) {
        replace_file(path, text).value();
        return read_pid_file(path);
    };
    CHECK(as("4711\n").value() == 4711);
    for (auto const* text :
         {"", "\n", "4711", "4711 \n", "4711\n\n", "0\n", "-1\n", "4711x\n", "99999999999\n"}) {
        CAPTURE(text);
        CHECK_FALSE(as(text));
    }
}

TEST_CASE("process.when_it_was_started_tells_it_from_others") {
    auto const mine = start_time(::getpid()).value();
    CHECK(mine == start_time(::getpid()).value());
    auto const p = spawn({{"sleep", "100"}}).value();
    CHECK(start_time(p.pid()).value() >= mine);
    {
        fakes::no_descriptors const full;
        CHECK(start_time(p.pid()).error().code == EMFILE); // which says nothing of it
        CHECK(p.arguments().error().code == EMFILE);
        CHECK(p.is_running());
    }
    REQUIRE(p.send_signal(SIGKILL));
    CHECK(p.wait(fakes::patience_ms));
    CHECK(start_time(p.pid()).error().code == ESRCH);
    CHECK(p.arguments().value().empty());
}

TEST_CASE("process.a_child_may_have_no_more_descriptors_than_is_usual") {
    temporary_folder const f;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    raise_descriptor_limit();
    rlimit raised{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &raised) == 0);
    CHECK(raised.rlim_cur == before.rlim_max);
    CHECK(spawn({{"sh", "-c", "ulimit -Sn; ulimit -Hn"}, f / "log"})
              .value()
              .wait(fakes::patience_ms));
    auto const usual = std::min<rlim_t>(raised.rlim_cur, 1024);
    auto const hard =
        before.rlim_max == RLIM_INFINITY ? "unlimited" : std::to_string(before.rlim_max);
    CHECK(read_file(f / "log").value() == std::to_string(usual) + "\n" + hard + "\n");
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("file.a_log_that_has_grown_becomes_the_last_one") {
    temporary_folder const f;
    auto const log = open_file(f / "log", O_WRONLY | O_CREAT | O_APPEND).value();
    auto const write = [&](std::string_view text) {
        REQUIRE(::write(log.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        rotate_log(log.get(), f / "log", 8);
    };
    write("12345678");
    CHECK(read_file(f / "log").value() == "12345678");
    write("9");
    CHECK(read_file(f / "log").value().empty());
    CHECK(read_file(f / "log.1").value() == "123456789");
    write("abcdefghi");
    write("j");
    CHECK(read_file(f / "log").value() == "j");
    CHECK(read_file(f / "log.1").value() == "abcdefghi");
    {
        fakes::no_descriptors const full;
        write("klmnopqrs"); // no other to be had: it goes on
    }
    CHECK(read_file(f / "log").value() == "jklmnopqrs");
    auto const other = open_file(f / "other", O_WRONLY | O_CREAT).value();
    rotate_log(other.get(), f / "log", 0);
    CHECK(read_file(f / "log").value() == "jklmnopqrs");
}

TEST_CASE("unix_socket.is_for_its_user_alone") {
    temporary_folder const f;
    auto const before = ::umask(0);
    auto const listener = listen_unix(f / "s", socket_kind::packet);
    ::umask(before);
    REQUIRE(listener);

    struct stat s {};

    REQUIRE(::stat((f / "s").c_str(), &s) == 0);
    CHECK((s.st_mode & 0777) == 0600);
}
