// SPDX-License-Identifier: Apache-2.0
// All that a control plane needs.
#pragma once

#include <xenpp/config/load.hpp>
#include <xenpp/domain.hpp>
#include <xenpp/host.hpp>
#include <xenpp/monitor.hpp>
