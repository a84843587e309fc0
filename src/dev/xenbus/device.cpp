// SPDX-License-Identifier: Apache-2.0
// Permissions and transactions of devices. Names are those of Xen's tools.
#include <xenpp/base/parse_number.hpp>
#include <xenpp/dev/xenbus/device.hpp>
#include <xenpp/store/path.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace xenpp::dev {

namespace {

using store::access;

bool is_missing(error const& e) noexcept {
    return e.code == ENOENT;
}

result<void> write_all(store::client_transaction const& t,
                       std::string const& directory,
                       node_list const& nodes) {
    for (auto const& [name, value] : nodes) {
        XENPP_TRY(t.write(directory + "/" + name, value));
    }
    return {};
}

/// A directory that `owner` may write and `reader` may read; what is made in it inherits that.
result<void> make_directory(store::client_transaction const& t,
                            std::string const& path,
                            domid owner,
                            domid reader) {
    XENPP_TRY(t.mkdir(path));
    return t.set_perms(path, {{owner, access::none}, {reader, access::read}});
}

result<void> remove_if_there(store::client_transaction const& t, std::string const& path) {
    auto done = t.rm(path);
    return !done && is_missing(done.error()) ? result<void>() : done;
}

/// Removes a directory, and the one above it if that is empty then.
result<void> remove_and_tidy(store::client_transaction const& t, std::string const& path) {
    XENPP_TRY(remove_if_there(t, path));
    std::string const parent(store::parent_of(path));
    auto const left = t.directory(parent);
    return left && left->empty() ? remove_if_there(t, parent) : result<void>();
}

result<std::vector<std::string>> directory_if_there(store::node_access const& s,
                                                    std::string const& path) {
    auto names = s.directory(path);
    return !names && is_missing(names.error()) ? std::vector<std::string>() : std::move(names);
}

} // namespace

result<void> write_device(store::client_transaction const& t, new_device const& d) {
    auto const& a = d.address;
    auto const front = frontend_path(a);
    auto const back = backend_path(a);
    auto const libxl = libxl_path(a);
    if (XENPP_TRY(t.exists(libxl)) || XENPP_TRY(t.exists(back))) {
        return fail("attach device", EEXIST, fmt::format("{} is there already", to_string(a)));
    }
    XENPP_TRY(remove_if_there(t, error_path(a))); // of one before
    XENPP_TRY(make_directory(t, front, a.frontend, a.backend));
    XENPP_TRY(write_all(t, front,
                        {
                            {"backend", back},
                            {"backend-id", std::to_string(a.backend.raw())},
                            {"state", "1"},
                        }));
    XENPP_TRY(write_all(t, front, d.frontend));
    XENPP_TRY(make_directory(t, back, a.backend, a.frontend));
    node_list const common{
        {"frontend", front},
        {"frontend-id", std::to_string(a.frontend.raw())},
        {"online", "1"},
    };
    XENPP_TRY(write_all(t, back, common));
    XENPP_TRY(write_all(t, back, d.backend));
    XENPP_TRY(make_directory(t, libxl, dom0, a.backend));
    XENPP_TRY(write_all(t, libxl, {{"frontend", front}, {"backend", back}}));
    XENPP_TRY(write_all(t, libxl, common));
    XENPP_TRY(write_all(t, libxl, d.backend));
    return t.write(back + "/state", "1"); // last: backends look for it
}

result<void> ask_to_close(store::client_transaction const& t, device_address const& a) {
    auto const back = backend_path(a);
    XENPP_TRY(t.write(back + "/online", "0"));
    return t.write(back + "/state", std::to_string(static_cast<unsigned>(xenbus_state::closing)));
}

result<void> remove_device(store::client_transaction const& t, device_address const& a) {
    XENPP_TRY(remove_if_there(t, frontend_path(a)));
    XENPP_TRY(remove_and_tidy(t, backend_path(a)));
    XENPP_TRY(remove_and_tidy(t, error_path(a)));
    return remove_if_there(t, libxl_path(a));
}

result<void> remove_leavings(store::client_transaction const& t, device_address const& a) {
    auto const back = backend_path(a);
    auto const names = XENPP_TRY(directory_if_there(t, back));
    auto const is_scripts = [](std::string const& name) { return name.starts_with("hotplug-"); };
    return !names.empty() && std::ranges::all_of(names, is_scripts) ? remove_and_tidy(t, back)
                                                                    : result<void>();
}

result<std::vector<device_address>>
list_devices(store::node_access const& s, domid d, std::string_view kind) {
    std::vector<device_address> out;
    auto const base = fmt::format("/libxl/{}/device", d.raw());
    auto const kinds = kind.empty() ? XENPP_TRY(directory_if_there(s, base))
                                    : std::vector<std::string>{std::string(kind)};
    for (auto const& k : kinds) {
        for (auto const& id : XENPP_TRY(directory_if_there(s, base + "/" + k))) {
            auto const back = XENPP_TRY(read_node(s, fmt::format("{}/{}/{}/backend", base, k, id)));
            auto const a = back ? parse_backend_path(*back) : std::nullopt;
            if (a && a->frontend == d) {
                out.push_back(*a);
            }
        }
    }
    return out;
}

result<std::vector<device_address>> list_beside_kernel(store::node_access const& s) {
    std::vector<device_address> out;
    auto const root = store::domain_path(dom0) + "/backend";
    for (auto const& kind : XENPP_TRY(directory_if_there(s, root))) {
        if (!kind.starts_with(beside_kernel_prefix)) {
            continue;
        }
        auto const of_kind = root + "/" + kind;
        for (auto const& frontend : XENPP_TRY(directory_if_there(s, of_kind))) {
            auto const of_domain = of_kind + "/" + frontend;
            for (auto const& id : XENPP_TRY(directory_if_there(s, of_domain))) {
                if (auto const a = parse_backend_path(of_domain + "/" + id)) {
                    out.push_back(*a);
                }
            }
        }
    }
    return out;
}

result<xenbus_state> read_state(store::node_access const& s, std::string const& directory) {
    auto const text = XENPP_TRY(read_node(s, directory + "/state"));
    return text ? parse_state(*text) : xenbus_state::unknown;
}

result<std::optional<std::string>> read_node(store::node_access const& s, std::string const& path) {
    auto value = s.read(path);
    if (!value && is_missing(value.error())) {
        return std::optional<std::string>();
    }
    return std::optional(XENPP_TRY(std::move(value)));
}

result<std::optional<std::uint64_t>> read_number(store::node_access const& s,
                                                 std::string const& path) {
    auto const text = XENPP_TRY(read_node(s, path));
    return text ? parse_number<std::uint64_t>(*text) : std::nullopt;
}

} // namespace xenpp::dev
