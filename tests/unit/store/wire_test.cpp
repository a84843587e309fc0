// SPDX-License-Identifier: Apache-2.0
// Messages as bytes and back, names of errors, rules for paths and permissions; against
// libxen-dev's header.
#include <xenpp/store/path.hpp>
#include <xenpp/store/perms.hpp>
#include <xenpp/store/wire.hpp>

#include <xen/io/xs_wire.h>

#include <cerrno>

using namespace xenpp;
using namespace xenpp::store;

TEST_CASE("wire.message_types_are_those_of_the_public_header") {
    struct row {
        op ours;
        xsd_sockmsg_type theirs;
    };

    // clang-format off
    constexpr row rows[] = {
        {op::control,           XS_CONTROL},           {op::directory,            XS_DIRECTORY},
        {op::read,              XS_READ},              {op::get_perms,            XS_GET_PERMS},
        {op::watch,             XS_WATCH},             {op::unwatch,              XS_UNWATCH},
        {op::transaction_start, XS_TRANSACTION_START}, {op::transaction_end,      XS_TRANSACTION_END},
        {op::introduce,         XS_INTRODUCE},         {op::release,              XS_RELEASE},
        {op::get_domain_path,   XS_GET_DOMAIN_PATH},   {op::write,                XS_WRITE},
        {op::mkdir,             XS_MKDIR},             {op::rm,                   XS_RM},
        {op::set_perms,         XS_SET_PERMS},         {op::watch_event,          XS_WATCH_EVENT},
        {op::error,             XS_ERROR},             {op::is_domain_introduced, XS_IS_DOMAIN_INTRODUCED},
        {op::resume,            XS_RESUME},            {op::set_target,           XS_SET_TARGET},
        {op::reset_watches,     XS_RESET_WATCHES},     {op::directory_part,       XS_DIRECTORY_PART},
    };
    // clang-format on
    for (auto const& r : rows) {
        CHECK(static_cast<unsigned>(r.ours) == static_cast<unsigned>(r.theirs));
    }
    CHECK(std::size(rows) == XS_TYPE_COUNT - 1); // 20 was RESTRICT
    CHECK(payload_max == XENSTORE_PAYLOAD_MAX);
    CHECK(sizeof(abi::xenstore_domain_interface) == sizeof(xenstore_domain_interface));
    CHECK(offsetof(abi::xenstore_domain_interface, error) ==
          offsetof(xenstore_domain_interface, error));
}

TEST_CASE("wire.error_names_are_those_of_the_public_header") {
    for (auto const& known : xsd_errors) {
        auto const e = static_cast<errc>(known.errnum);
        CHECK(error_name(e) == known.errstring);
        CHECK(error_from_name(known.errstring) == e);
    }
    CHECK(error_name(errc::nolck) == "EINVAL");
    CHECK(error_from_name("EWHATEVER") == errc::inval);
}

TEST_CASE("wire.a_stream_cut_anywhere_gives_the_same_messages") {
    message const a{op::write, 7, 3, std::string("/x\0value", 8)};
    message const b{op::read, 8, 0, {}};
    auto const bytes = encode(a) + encode(b);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        assembler in;
        std::vector<message> out;
        for (auto part : {bytes.substr(0, cut), bytes.substr(cut)}) {
            in.feed(part);
            while (auto m = *in.next()) {
                out.push_back(*m);
            }
        }
        CHECK(out == std::vector{a, b});
        CHECK(in.pending() == 0);
    }
}

TEST_CASE("wire.a_header_that_announces_too_much_is_an_error_for_ever") {
    message m{op::write, 1, 0, std::string(payload_max + 1, 'x')};
    assembler in;
    in.feed(encode(m));
    for (int i = 0; i < 2; ++i) {
        auto const got = in.next();
        REQUIRE_FALSE(got);
        CHECK(got.error() == errc::toobig);
    }
    m.payload.pop_back();
    assembler fits;
    fits.feed(encode(m));
    CHECK(*fits.next() == std::optional(m));
}

TEST_CASE("wire.strings_end_with_a_nul_each") {
    CHECK(split_strings(std::string_view("a\0\0b\0", 5)) ==
          std::vector<std::string_view>{"a", "", "b"});
    CHECK_FALSE(split_strings("a"));
    CHECK(split_strings("")->empty());
}

TEST_CASE("path.what_xenstored_accepts_is_valid") {
    CHECK(is_valid_path("/"));
    CHECK(is_valid_path("/a/B-9_@/x"));
    for (auto bad : {"", "a", "//", "/a//b", "/a/", "/a b", "/a.b", "/a:b", "/a\\", "/\xc3\xa4"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_valid_path(bad));
    }
    CHECK(is_valid_path("/" + std::string(2047, 'p')));
    CHECK_FALSE(is_valid_path("/" + std::string(2048, 'p')));
    auto const local = "/local/domain/7/" + std::string(2048, 'p');
    CHECK(is_valid_path(local));
    CHECK_FALSE(is_valid_path(local + "p"));
}

TEST_CASE("path.relative_ones_are_below_the_domain") {
    CHECK(canonical("device/vif", domid(7)) == "/local/domain/7/device/vif");
    CHECK(canonical("/tool", domid(7)) == "/tool");
    CHECK_FALSE(canonical("", domid(7)));
    CHECK_FALSE(canonical("@introduceDomain", domid(7)));
    CHECK_FALSE(canonical(std::string(2049, 'r'), domid(7)));
    CHECK(parent_of("/a/b") == "/a");
    CHECK(parent_of("/a") == "/");
    CHECK(parent_of("/") == "/");
    CHECK(is_at_or_below("/a/b", "/a"));
    CHECK_FALSE(is_at_or_below("/ab", "/a"));
    CHECK(is_at_or_below("/ab", "/"));
}

TEST_CASE("perms.strings_and_back") {
    for (auto const* text : {"n0", "r5", "w12", "b32751"}) {
        CHECK(to_string(parse_perm(text).value()) == text);
    }
    for (auto const* bad : {"", "n", "x5", "r-1", "r5x", "r 5", "r32752", "r70000", "5"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_perm(bad));
    }
}

TEST_CASE("perms.the_owner_the_named_and_the_others") {
    perm_list const perms{
        {domid(1), access::read}, {domid(2), access::write}, {domid(3), access::none}};
    CHECK(rights_of({domid(1), {}, false}, perms) == access::both);
    CHECK(rights_of({domid(2), {}, false}, perms) == access::write);
    CHECK(rights_of({domid(3), {}, false}, perms) == access::none);
    CHECK(rights_of({domid(4), {}, false}, perms) == access::read);
    CHECK(rights_of({domid(4), {}, true}, perms) == access::both);
    CHECK(rights_of({domid(4), domid(1), false}, perms) == access::both);
    CHECK(rights_of({domid(4), domid(2), false}, perms) == access::write);
}
