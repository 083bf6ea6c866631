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

    # The gradient of an embedding is no tensor, but rows of the variable.
    if variable.shape.num_elements() < _MIN_SIZE or not isinstance(gradient, tf.Tensor):
        keras_step(gradient, variable, learning_rate)
        return
    dtype = variable.dtype
    beta_1, beta_2 = tf.cast(optimizer.beta_1, dtype), tf.cast(optimizer.beta_2, dtype)
    n_steps = tf.cast(optimizer.iterations.value + 1, dtype)
    mean, square = get_adam_moments(optimizer, variable)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=mean.value.handle,
        v=square.value.handle,
        beta1_power=beta_1**n_steps,
        beta2_power=beta_2**n_steps,
        lr=tf.cast(learning_rate, dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, dtype),
        grad=tf.cast(gradient, dtype),
    )
