// SPDX-License-Identifier: Apache-2.0
// Notes in xenstore about domains that are being built: who builds, under what name.
#pragma once

#include "host/session.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::detail {

/// The node under which the notes are, one child a domain, named by its UUID.
inline constexpr std::string_view building_node = "/xenpp/building";

/// A process, told from a later one of the same number by when it was started.
struct process_identity {
    int pid = 0;
    std::uint64_t start = 0; ///< field 22 of /proc/PID/stat

    static result<process_identity> of_this_process();
    /// False only if that is certain: also while nobody can tell, its domain is its own.
    bool is_alive() const;

    friend bool operator==(process_identity const&, process_identity const&) = default;
};

/// Where the note about a domain is.
std::string building_path(config::uuid const& uuid);

struct building_note {
    config::uuid uuid{};
    process_identity builder;
    std::string name;
};

/// All notes. What cannot be read as one is passed over.
result<std::vector<building_note>> building_notes(store::node_access const& s);

/// Reserves a UUID and a name while a domain is built or renamed, and removes its note at the end
/// of its life. While it is there, nobody else can take the name, and the monitor destroys the
/// domain of that UUID as soon as this process is dead.
class name_reservation {
public:
    /// EEXIST: a domain, or one that is being built, has the name or the UUID. `self` may have the
    /// name already. With `for_rename` the note makes no promise about the domain.
    static result<name_reservation> take(std::shared_ptr<session> s,
                                         config::uuid const& uuid,
                                         std::string_view name,
                                         std::optional<domid> self = {});

    name_reservation(name_reservation&& o) noexcept = default;

    name_reservation& operator=(name_reservation&& o) noexcept {
        std::swap(s_, o.s_);
        std::swap(path_, o.path_);
        return *this;
    }

    name_reservation(name_reservation const&) = delete;
    name_reservation& operator=(name_reservation const&) = delete;
    ~name_reservation();

    /// Removes the note, which is what makes a new domain stay.
    result<void> finish();

private:
    name_reservation(std::shared_ptr<session> s, std::string path) noexcept
        : s_(std::move(s)), path_(std::move(path)) {}

    std::shared_ptr<session> s_;
    std::string path_;
};

} // namespace xenpp::detail
