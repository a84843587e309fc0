// SPDX-License-Identifier: Apache-2.0
// Where the configurations of domains are kept.
#include "host/config_store.hpp"

#include <xenpp/config/json.hpp>
#include <xenpp/config/uuid.hpp>
#include <xenpp/os/file.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace xenpp::detail {

std::string config_store::path(config::uuid const& id) const {
    return folder_ + "/" + config::format(id) + ".json";
}

result<void> config_store::save(config::uuid const& id, config::domain_config const& c) {
    auto text = config::to_json(c);
    if (folder_.empty()) {
        texts_[id] = std::move(text);
        return {};
    }
    if (mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) {
        return os::fail_errno("keep the domain's configuration", folder_);
    }
    return os::replace_file(path(id), text);
}

result<config::domain_config> config_store::load(config::uuid const& id) const {
    if (!folder_.empty()) {
        return config::from_json(XENPP_TRY(os::read_file(path(id))));
    }
    auto const it = texts_.find(id);
    if (it == texts_.end()) {
        return fail("load the domain's configuration", ENOENT, "it was not made by this library");
    }
    return config::from_json(it->second);
}

void config_store::remove(config::uuid const& id) {
    if (folder_.empty()) {
        texts_.erase(id);
    } else {
        unlink(path(id).c_str()); // one that is not there is removed
    }
}

} // namespace xenpp::detail
