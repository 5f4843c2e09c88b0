#include "old.h"

/* 2.29: errno is no longer set by way of matherr, which nobody here asks for. */
double old_log(double x);
double old_log2(double x);
double old_pow(double x, double y);
OLD(log);
OLD(log2);
OLD(pow);

double __wrap_log(double x);
double __wrap_log2(double x);
double __wrap_pow(double x, double y);

double __wrap_log(double x)
{
	return old_log(x);
}
double __wrap_log2(double x)
{
	return old_log2(x);
}
double __wrap_pow(double x, double y)
{
	return old_pow(x, y);
}
