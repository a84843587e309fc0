// SPDX-License-Identifier: Apache-2.0
// Recipes: named steps over one state, carried out in order by one driver.
#pragma once

#include <xenpp/base/error.hpp>

#include <span>
#include <string>
#include <string_view>

namespace xenpp::builder {

/// A step: what is being done, as it continues the sentence "failed while ...", and how.
template <class State>
struct step {
    std::string_view name;
    result<void> (*run)(State& s);
};

/// Is told of every step before it runs. An error stops the recipe there.
class step_observer {
public:
    virtual result<void> before(std::string_view step) = 0;

protected:
    ~step_observer() = default;
};

/// Carries out the steps in order up to the first that fails; its error names the step. What the
/// steps before have made belongs to `s`, whose members undo it.
template <class State>
result<void> run_steps(std::span<step<State> const> steps, State& s, step_observer* observer) {
    for (auto const& st : steps) {
        auto done = observer != nullptr ? observer->before(st.name) : result<void>();
        if (done) {
            done = st.run(s);
        }
        if (!done) {
            auto e = std::move(done.error());
            e.detail = "while " + std::string(st.name) + (e.detail.empty() ? "" : ": ") + e.detail;
            return unexpected(std::move(e));
        }
    }
    return {};
}

} // namespace xenpp::builder
