#pragma once

#include "kernels/elementwise/abs.h"
#include "kernels/elementwise/add.h"
#include "kernels/elementwise/comparisons.h"
#include "kernels/elementwise/cos.h"
#include "kernels/elementwise/div.h"
#include "kernels/elementwise/erf.h"
#include "kernels/elementwise/exp.h"
#include "kernels/elementwise/gelu.h"
#include "kernels/elementwise/list.h"
#include "kernels/elementwise/log.h"
#include "kernels/elementwise/maximum.h"
#include "kernels/elementwise/minimum.h"
#include "kernels/elementwise/mul.h"
#include "kernels/elementwise/neg.h"
#include "kernels/elementwise/pow.h"
#include "kernels/elementwise/relu.h"
#include "kernels/elementwise/rsqrt.h"
#include "kernels/elementwise/sigmoid.h"
#include "kernels/elementwise/sin.h"
#include "kernels/elementwise/softplus.h"
#include "kernels/elementwise/sqrt.h"
#include "kernels/elementwise/square.h"
#include "kernels/elementwise/sub.h"
#include "kernels/elementwise/tanh.h"

namespace divvy::kernels::elementwise {

using UnaryList = List<Exp, Log, Sqrt, Rsqrt, Abs, Tanh, Sigmoid, Relu, Gelu, Softplus, Erf, Neg, Square, Sin, Cos>;
using BinaryList = List<Add, Sub, Mul, Div, Maximum, Minimum, Pow>;
using ComparisonList = List<Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual>;

}  // namespace divvy::kernels::elementwise
