// SPDX-License-Identifier: Apache-2.0
// Where the configurations of domains are kept.
#include "host/config_store.hpp"

#include <xenpp/config/json.hpp>
#include <xenpp/config/uuid.hpp>
#include <xenpp/os/file.hpp>

#include <fmt/core.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace xenpp::detail {
namespace {

constexpr std::string_view prefix = "userdata-d.";
constexpr std::string_view suffix = ".libxl-json";

} // namespace

std::string config_store::path(domid d, config::uuid const& id) const {
    if (naming_ == naming::ours) {
        return fmt::format("{}/{}.json", folder_, config::format(id));
    }
    return fmt::format("{}/{}{}.{}{}", folder_, prefix, d.raw(), config::format(id), suffix);
}

result<std::vector<std::string>> config_store::files(config::uuid const& id) const {
    if (naming_ == naming::ours) {
        return std::vector{path({}, id)};
    }
    std::vector<std::string> out;
    auto const end = fmt::format(".{}{}", config::format(id), suffix);
    std::error_code e;
    for (auto it = std::filesystem::directory_iterator(folder_, e);
         it != std::filesystem::directory_iterator(); it.increment(e)) {
        auto const name = it->path().filename().string();
        if (name.starts_with(prefix) && name.ends_with(end)) {
            out.push_back(it->path().string());
        }
    }
    if (e && e.value() != ENOENT) {
        return fail("find the domain's configuration", e.value(), folder_);
    }
    return out;
}

result<void> config_store::save(domid d,
                                config::uuid const& id,
                                config::domain_config const& c,
                                std::span<std::uint32_t const> node_of_cpu) {
    auto text = config::to_json(c, node_of_cpu);
    if (folder_.empty()) {
        texts_[id] = std::move(text);
        return {};
    }
    if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) {
        return os::fail_errno("keep the domain's configuration", folder_);
    }
    auto const mine = path(d, id);
    XENPP_TRY(os::replace_file(mine, text));
    for (auto const& file : XENPP_TRY(files(id))) {
        if (file != mine) { // of the number it had before it was restarted
            unlink(file.c_str());
        }
    }
    return {};
}

result<config::domain_config> config_store::load(config::uuid const& id) const {
    constexpr std::string_view operation = "load the domain's configuration";
    if (!folder_.empty()) {
        auto const found = XENPP_TRY(files(id));
        if (found.empty()) {
            return fail(operation, ENOENT, "no tool has kept one");
        }
        return config::from_json(XENPP_TRY(os::read_file(found.front())));
    }
    auto const it = texts_.find(id);
    if (it == texts_.end()) {
        return fail(operation, ENOENT, "it was not made by this library");
    }
    return config::from_json(it->second);
}

void config_store::remove(config::uuid const& id) {
    texts_.erase(id);
    if (!folder_.empty()) {
        for (auto const& file : files(id).value_or(std::vector<std::string>())) {
            unlink(file.c_str()); // one that is not there is removed
        }
    }
}

} // namespace xenpp::detail
