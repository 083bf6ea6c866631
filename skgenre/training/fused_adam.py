"""Adam's step by TensorFlow's fused kernel."""

import functools

from skgenre._compat import get_adam_moments

# Elements of a variable from which the kernel is faster. For a thousand it is slower:
# the epochs of a covariance network would take 7 % more CPU time.
_MIN_SIZE = 2**17


def fuse_adam(optimizer):
    """Let Keras' Adam change a large variable in one pass; leave others as they are.

    Keras' own step passes over a variable and its two moments ten times, which takes
    the paper's MLP as long as its matrix products. The optimizer stays Keras', with its
    configuration and its variables: what is saved from it is a plain Adam.
    """
    from keras import optimizers

    if type(optimizer) is optimizers.Adam and not optimizer.amsgrad:
        keras_step = optimizer.update_step
        optimizer.update_step = functools.partial(_update, optimizer, keras_step)


def _update(optimizer, keras_step, gradient, variable, learning_rate):
    import tensorflow as tf

    # In float16, 1 - 0.999 would be 2 % off. The gradient of an embedding is not a
    # tensor, but rows of the variable.
    if (
        variable.shape.num_elements() < _MIN_SIZE
        or variable.dtype != tf.float32
        or not isinstance(gradient, tf.Tensor)
    ):
        keras_step(gradient, variable, learning_rate)
        return
    n_steps = tf.cast(optimizer.iterations.value + 1, tf.float32)
    mean, square = get_adam_moments(optimizer, variable)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=mean.value.handle,
        v=square.value.handle,
        beta1_power=optimizer.beta_1**n_steps,
        beta2_power=optimizer.beta_2**n_steps,
        lr=learning_rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=gradient,
    )
